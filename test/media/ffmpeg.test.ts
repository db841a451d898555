import { readFileSync } from 'node:fs';
import { writeFile, chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool, startFfmpeg } from '../../media/ffmpeg.ts';
import type { ListLine, Progress } from '../../media/ffmpeg-output.ts';
import { argumentsFor, ffmpeg, makeFolder, makeSource } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
let source: string;

beforeAll(async () => {
  folder = await makeFolder();
  source = join(folder.path, 'source.mp4');
  await makeSource(source, { seconds: 30 });
});
afterAll(() => folder.remove());

async function newDir(name: string): Promise<string> {
  const dir = join(folder.path, name);
  await mkdir(dir);
  return dir;
}

/** A real process in ffmpeg's place. */
async function script(name: string, text: string): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, `#!/bin/bash\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Running or zombie processes have a stat file; one that was waited for has none. */
function exists(pid: number | undefined): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`) !== null;
  } catch {
    return false;
  }
}

describe('startFfmpeg', () => {
  it('lists each finished file, tells its progress and says how it ended', async () => {
    const listed: ListLine[] = [];
    const progress: Progress[] = [];
    const args = argumentsFor(source, { dir: await newDir('lines') }).map((arg) => (arg === 'pipe:2' ? 'pipe:3' : arg));
    const run = startFfmpeg({
      binary: ffmpeg,
      args,
      onListLine: (line) => listed.push(line),
      onProgress: (block) => progress.push(block),
    });
    expect(await run.exited).toEqual({ code: 0, signal: null, requested: false, error: null });
    expect(listed.map(({ file }) => file)).toEqual(
      Array.from({ length: 8 }, (_, i) => `${i}.mp4`).slice(0, listed.length),
    );
    expect(listed.at(-1)?.endS).toBeCloseTo(30, 1);
    expect(progress.at(-1)).toMatchObject({ frames: 900, end: true });
    expect(run.stderr().join('\n')).not.toContain('No meaningful edit list');
    expect(exists(run.pid)).toBe(false);
  });

  it('finishes and lists the open file when asked to stop', async () => {
    const listed: ListLine[] = [];
    let started: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      started = resolve;
    });
    const run = startFfmpeg({
      binary: ffmpeg,
      args: argumentsFor(source, { dir: await newDir('stop'), realTime: true, segmentSeconds: 2 }),
      onListLine: (line) => {
        listed.push(line);
        started();
      },
    });
    await first;
    expect(await run.stop()).toMatchObject({ code: 255, requested: true, error: null });
    expect(listed.map(({ file }) => file)).toEqual(['0.mp4', '1.mp4']);
    expect(exists(run.pid)).toBe(false);
  });

  it('ends a process that heeds the second TERM only', async () => {
    const binary = await script(
      'second',
      `n=0; trap 'n=$((n+1)); [ $n = 2 ] && exit 7' TERM; echo 'r.mp4,0,1'; while :; do sleep 0.1; done`,
    );
    let ready: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const run = startFfmpeg({ binary, args: [], onListLine: () => ready() });
    await running;
    const [first, second] = await Promise.all([run.stop(), run.stop()]);
    expect(first).toEqual({ code: 7, signal: null, requested: true, error: null });
    expect(second).toEqual(first);
  }, 20_000);

  it('kills a process that heeds nothing', async () => {
    const binary = await script('deaf', `trap '' TERM; echo 'r.mp4,0,1'; while :; do sleep 0.1; done`);
    let ready: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const run = startFfmpeg({ binary, args: [], onListLine: () => ready() });
    await running;
    expect(await run.stop()).toEqual({ code: null, signal: 'SIGKILL', requested: true, error: null });
    expect(exists(run.pid)).toBe(false);
  }, 20_000);

  it('calls an exit before the stop unrequested: the first cause wins', async () => {
    const run = startFfmpeg({ binary: await script('quick', 'exit 0'), args: [] });
    await run.exited;
    expect(await run.stop()).toEqual({ code: 0, signal: null, requested: false, error: null });
  });

  it('settles where the binary is missing', async () => {
    const run = startFfmpeg({ binary: join(folder.path, 'missing'), args: [] });
    expect((await run.exited).error?.message).toContain('ENOENT');
    expect((await run.stop()).requested).toBe(false);
  });

  it('ends the process and tells when a callback throws', async () => {
    const run = startFfmpeg({
      binary: await script('talks', `echo 'r.mp4,0,1'; exec sleep 60`),
      args: [],
      onListLine: () => {
        throw new Error('the journal is gone');
      },
    });
    expect(await run.exited).toMatchObject({ signal: 'SIGKILL', error: { message: 'the journal is gone' } });
  });

  it('keeps the last lines of stderr without logins', async () => {
    const binary = await script(
      'chatty',
      `for i in $(seq 200); do echo "rtsp://admin:se@cret@10.0.0.9/$i failed" >&2; done`,
    );
    const run = startFfmpeg({ binary, args: [] });
    await run.exited;
    expect(run.stderr()).toHaveLength(60);
    expect(run.stderr().at(-1)).toContain('10.0.0.9/200');
    expect(run.stderr().join('\n')).not.toMatch(/admin|cret/);
  });

  it('is not stopped by the signal of a terminal that reaches our group', async () => {
    const run = startFfmpeg({ binary: await script('group', 'exec sleep 60'), args: [] });
    const [, rest = ''] = readFileSync(`/proc/${run.pid}/stat`, 'utf8').split(') ');
    expect(Number(rest.split(' ')[2])).toBe(run.pid);
    await run.stop();
  });
});

describe('runTool', () => {
  it('feeds stdin and gives stdout', async () => {
    const result = await runTool({ binary: 'cat', args: [], timeoutMs: 5000, stdin: 'footage' });
    expect(result).toMatchObject({ cause: 'exit', code: 0 });
    expect(result.stdout.toString()).toBe('footage');
  });

  it('ends what takes too long, says too much or is called off', async () => {
    expect(await runTool({ binary: 'sleep', args: ['60'], timeoutMs: 50 })).toMatchObject({ cause: 'timeout' });
    const endless = await runTool({ binary: 'yes', args: [], timeoutMs: 20_000, maxStdoutBytes: 100_000 });
    expect(endless.cause).toBe('too-much-output');
    expect(endless.stdout.length).toBeLessThanOrEqual(100_000);
    const abort = new AbortController();
    const sleeping = runTool({ binary: 'sleep', args: ['60'], timeoutMs: 20_000, signal: abort.signal });
    abort.abort();
    expect(await sleeping).toMatchObject({ cause: 'aborted', signal: 'SIGKILL' });
    expect((await runTool({ binary: 'sleep', args: ['60'], timeoutMs: 1000, signal: abort.signal })).cause).toBe(
      'aborted',
    );
  });

  it('tells a tool that fails from one that is missing', async () => {
    expect(await runTool({ binary: 'false', args: [], timeoutMs: 5000 })).toMatchObject({ cause: 'exit', code: 1 });
    expect(await runTool({ binary: join(folder.path, 'missing'), args: [], timeoutMs: 5000 })).toMatchObject({
      cause: 'not-started',
    });
  });

  it('survives a tool that does not read its input', async () => {
    const result = await runTool({ binary: 'true', args: [], timeoutMs: 5000, stdin: Buffer.alloc(1_000_000) });
    expect(result).toMatchObject({ cause: 'exit', code: 0 });
  });
});
