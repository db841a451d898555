import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { endRecorded, openProcessRecord, startTicksOf } from '../../scripts/embedded/process-record.ts';
import { startServerProcess } from '../../scripts/embedded/server-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'framekeep-record-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const stubborn = `trap '' TERM; sleep 600 & echo $! > "$0"; wait`;

test('what a killed program has left running is ended, with all that it has started in turn', async () => {
  const path = join(dir, 'killed.json');
  const grandchildFile = join(dir, 'grandchild');
  const parent = spawn(process.execPath, [
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    `import { openProcessRecord } from '${resolve('scripts/embedded/process-record.ts')}';
     import { startServerProcess } from '${resolve('scripts/embedded/server-process.ts')}';
     const record = openProcessRecord('${path}');
     const start = (name, args) => startServerProcess({ name, command: 'sh', args, logPath: '${join(dir, 'log')}',
       stopSteps: [{ signal: 'SIGTERM', waitMs: 200 }], record });
     const first = await start('first', ['-c', 'exec sleep 600']);
     const second = await start('second', ['-c', ${JSON.stringify(stubborn)}, '${grandchildFile}']);
     console.log(first.pid + ' ' + second.pid);`,
  ]);
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  const pids = line.split(' ').map(Number);
  while (!existsSync(grandchildFile) || readFileSync(grandchildFile, 'utf8') === '') await tick();
  pids.push(Number(readFileSync(grandchildFile, 'utf8')));
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(pids.map((pid) => startTicksOf(pid) !== undefined)).toEqual([true, true, true]);

  expect(await endRecorded(path)).toEqual(['second', 'first']);
  expect(pids.map(startTicksOf)).toEqual([undefined, undefined, undefined]);
  expect(existsSync(path)).toBe(false);
});

test('a process that has got a recorded pid by chance is left alone', async () => {
  const path = join(dir, 'reused.json');
  const other = spawn('sleep', ['600'], { detached: true });
  try {
    await once(other, 'spawn');
    const stop = { signal: 'SIGTERM' as const, waitMs: 100 };
    openProcessRecord(path).add('other', other.pid ?? 0, stop);
    const record = JSON.parse(readFileSync(path, 'utf8')) as { bootId: string; processes: { startTicks: number }[] };
    const earlier = record.processes.map((recorded) => ({ ...recorded, startTicks: recorded.startTicks - 1 }));
    writeFileSync(path, JSON.stringify({ ...record, processes: earlier }));
    expect(await endRecorded(path)).toEqual([]);
    // The same record, but of another boot: its pids mean nothing.
    writeFileSync(path, JSON.stringify({ ...record, bootId: 'before' }));
    expect(await endRecorded(path)).toEqual([]);
    expect(startTicksOf(other.pid ?? 0)).toBeDefined();
    // The true record, to show that this test can fail.
    writeFileSync(path, JSON.stringify(record));
    expect(await endRecorded(path)).toEqual(['other']);
  } finally {
    other.kill('SIGKILL');
  }
});

test('a process that has ended is no longer recorded', async () => {
  const path = join(dir, 'ended.json');
  const record = openProcessRecord(path);
  const stopSteps: [{ signal: 'SIGTERM'; waitMs: number }] = [{ signal: 'SIGTERM', waitMs: 5000 }];
  const start = (name: string) =>
    startServerProcess({ name, command: 'sleep', args: ['600'], logPath: join(dir, 'log'), stopSteps, record });
  const [one, two] = [await start('one'), await start('two')];
  await one.stop();
  const left = JSON.parse(readFileSync(path, 'utf8')) as { processes: { name: string }[] };
  expect(left.processes.map(({ name }) => name)).toEqual(['two']);
  await two.stop();
  expect(startTicksOf(two.pid)).toBeUndefined();
});

function tick(): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, 10);
  });
}
