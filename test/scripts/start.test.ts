import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { endRecorded, startTicksOf } from '../../scripts/embedded/process-record.ts';

const running = new Set<System>();
afterEach(async () => {
  for (const system of running) {
    system.process.kill('SIGKILL');
    await endRecorded(join(system.dir, 'processes.json'), 'kill');
    rmSync(system.dir, { recursive: true, force: true });
  }
  running.clear();
});

/** `npm start` as npm runs it, after setup. */
interface System {
  dir: string;
  port: number;
  process: ChildProcess;
  printed(): string;
}

/** Starts and waits for the last line of the start. */
async function start(dir: string, port: number): Promise<System> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/start.ts'], {
    env: {
      ...process.env,
      FRAMEKEEP_DATA_DIR: dir,
      FRAMEKEEP_PORT: String(port),
      FRAMEKEEP_DEMO_CAMERAS: '1',
      FRAMEKEEP_SEGMENT_SECONDS: '2',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += String(data)));
  const system = { dir, port, process: child, printed: () => printed };
  running.add(system);
  while (!printed.includes('Ctrl-C stops everything')) {
    if (child.exitCode !== null) throw new Error(`the start failed:\n${printed}`);
    await sleep(50);
  }
  return system;
}

async function newSystem(): Promise<System> {
  const [port = 0] = await freePorts(1);
  return start(mkdtempSync(join(tmpdir(), 'framekeep-whole-')), port);
}

async function end(system: System, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(system.process, 'exit');
  system.process.kill(signal);
  const [code] = (await exited) as [number | null];
  running.delete(system);
  return code;
}

const camera = z.object({ id: z.string(), name: z.string(), lastSegmentEndAt: z.string().nullable() });

async function cameras({ dir, port }: System): Promise<z.infer<typeof camera>[]> {
  const authorization = `Bearer ${readFileSync(join(dir, 'api-key'), 'utf8').trim()}`;
  const answer = await fetch(`http://127.0.0.1:${port}/v1/cameras`, { headers: { authorization } });
  return z.object({ items: z.array(camera) }).parse(await answer.json()).items;
}

/** Waits until the demo camera has footage that ends after `sinceIso`. */
async function footageAfter(system: System, sinceIso: string): Promise<string> {
  for (;;) {
    // While the API starts again there is no answer.
    const [gate] = await cameras(system).catch(() => []);
    const endAt = gate?.lastSegmentEndAt ?? '';
    if (endAt > sinceIso) return endAt;
    await sleep(200);
  }
}

function recordedPids(dir: string): number[] {
  const record = z.object({ processes: z.array(z.object({ pid: z.number() })) });
  return record.parse(JSON.parse(readFileSync(join(dir, 'processes.json'), 'utf8'))).processes.map(({ pid }) => pid);
}

test(
  'the whole life of npm start: records, ends clean, starts again, survives being killed',
  { timeout: 400_000 },
  async () => {
    const first = await newSystem();
    const { dir, port } = first;
    expect(first.printed()).toContain(`http://127.0.0.1:${port}`);
    expect(first.printed()).toContain(readFileSync(join(dir, 'admin-password'), 'utf8').trim());
    for (const secret of ['admin-password', 'secret-key', 'api-key', 's3-secret-key', 'postgres-password']) {
      expect(statSync(join(dir, secret)).mode & 0o777).toBe(0o600);
    }
    const [gate] = await cameras(first);
    expect(gate?.name).toBe('Gate');
    await footageAfter(first, '');

    // Ctrl-C: everything ends, and what was being recorded is stored.
    const pids = recordedPids(dir);
    expect(pids.length).toBe(6);
    const beforeStop = new Date().toISOString();
    expect(await end(first, 'SIGINT')).toBe(0);
    expect(pids.filter((pid) => startTicksOf(pid) !== undefined)).toEqual([]);
    expect(recordedPids(dir)).toEqual([]);

    // The same camera, its footage up to the stop, and more of it.
    const second = await start(dir, port);
    const [again, ...more] = await cameras(second);
    expect(more).toEqual([]);
    expect(again?.id).toBe(gate?.id);
    expect(Date.parse(again?.lastSegmentEndAt ?? '')).toBeGreaterThan(Date.parse(beforeStop) - 2_500);
    await footageAfter(second, new Date().toISOString());

    // Killed, it leaves its processes; the next start ends them and goes on.
    const orphans = recordedPids(dir);
    await end(second, 'SIGKILL');
    expect(orphans.filter((pid) => startTicksOf(pid) === undefined)).toEqual([]);
    const third = await start(dir, port);
    expect(third.printed()).toContain('The last run was killed; ended what it had left:');
    expect(orphans.filter((pid) => startTicksOf(pid) !== undefined)).toEqual([]);
    await footageAfter(third, new Date().toISOString());

    // A crash of a part or of a process of ours is mended, and the camera goes on.
    for (const pid of recordedPids(dir)) {
      if (commandOf(pid).includes('demo-camera')) continue;
      process.kill(pid, 'SIGKILL');
    }
    await footageAfter(third, new Date(Date.now() + 5_000).toISOString());

    // A second system runs beside it; both end.
    const beside = await newSystem();
    expect(await end(beside, 'SIGTERM')).toBe(0);
    rmSync(beside.dir, { recursive: true });
    expect((await cameras(third)).length).toBe(1);
    expect(await end(third, 'SIGTERM')).toBe(0);
    rmSync(dir, { recursive: true });
  },
);

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}
