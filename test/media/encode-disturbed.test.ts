import { execFile, spawn } from 'node:child_process';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTarget } from '../../domain/profile.ts';
import { encodeFile } from '../../media/encode-file.ts';
import { inspectSources, type Sources } from '../../media/join.ts';
import { profile, x264 } from './encoding.ts';
import { ffmpeg, makeFolder, recordMade } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

describe('an encode that is disturbed', () => {
  /** Long enough to be caught at work. */
  let sources: Sources;
  beforeAll(async () => {
    sources = await inspectSources(await recordMade(folder.path, 'long', { seconds: 40, fps: 15, size: '1280x720' }));
  });

  const processes = async (mark: string): Promise<number[]> => {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid,comm,args', '--no-headers']);
    return stdout
      .split('\n')
      .filter((line) => /^ *\d+ ffmpeg /.test(line) && line.includes(mark))
      .map((line) => Number(line.trim().split(' ')[0]));
  };
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await isSo()); tries++) {
      if (tries > 300) throw new Error('it did not come to that within 30 s');
      await sleep(100);
    }
  };
  const start = (output: string, signal?: AbortSignal) =>
    encodeFile({
      ffmpeg,
      encoder: x264,
      sources,
      target: encodeTarget(profile, sources.facts),
      output,
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => error);

  it('says so when ffmpeg is killed, leaves no file, and works again', async () => {
    const output = join(folder.path, 'killed-final.mp4');
    const encoding = start(output);
    await until(async () => (await processes(output)).length > 0);
    for (const pid of await processes(output)) process.kill(pid, 'SIGKILL');
    expect(await encoding).toMatchObject({ failure: 'killed', action: 'give-up' });
    await expect(stat(output)).rejects.toThrow(/ENOENT/);
    expect(await start(output)).toMatchObject({ frames: 400 });
  });

  it('ends at once when it is called off', async () => {
    const output = join(folder.path, 'aborted-final.mp4');
    const off = new AbortController();
    const encoding = start(output, off.signal);
    await until(async () => (await processes(output)).length > 0);
    off.abort();
    expect(await encoding).toMatchObject({ failure: 'aborted', action: 'retry-later' });
    await until(async () => (await processes(output)).length === 0);
    await expect(stat(output)).rejects.toThrow(/ENOENT/);
  });

  it('leaves no ffmpeg behind when its worker is killed: the input ends with it', async () => {
    const output = join(folder.path, 'orphan-final.mp4');
    const script = join(folder.path, 'worker.mts');
    const module = (name: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../../media/${name}`, import.meta.url)));
    const paths = JSON.stringify(sources.parts.map(({ path }) => path));
    await writeFile(
      script,
      `import { encodeFile } from ${module('encode-file.ts')};
       import { inspectSources } from ${module('join.ts')};
       const sources = await inspectSources(${paths});
       const target = ${JSON.stringify(encodeTarget(profile, sources.facts))};
       await encodeFile({ ffmpeg: ${JSON.stringify(ffmpeg)}, encoder: ${JSON.stringify(x264)}, sources, target,
         output: ${JSON.stringify(output)} });`,
    );
    const worker = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script], { stdio: 'ignore' });
    await until(async () => (await processes(output)).length > 0);
    worker.kill('SIGKILL');
    const killedAt = performance.now();
    await until(async () => (await processes(output)).length === 0);
    expect(performance.now() - killedAt).toBeLessThan(30_000);
    await rm(output, { force: true });
  });

  it('blames a source that cannot be read, and does not show where it lies', async () => {
    const path = join(folder.path, 'gone.mp4');
    await writeFile(path, await readFile(sources.parts[0]?.path ?? ''));
    const gone = await inspectSources([path]);
    await rm(path);
    const target = encodeTarget(profile, gone.facts);
    const output = join(folder.path, 'gone-final.mp4');
    const error: unknown = await encodeFile({ ffmpeg, encoder: x264, sources: gone, target, output }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      failure: 'bad-source',
      action: 'give-up',
      message: 'A source could not be read: ENOENT',
    });
  });
});
