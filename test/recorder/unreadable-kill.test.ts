import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { salvageSpool } from '../../recorder/resume.ts';
import { breakFiles } from '../support/broken-files.ts';
import { runProcess } from '../support/killed-process.ts';
import { giveUp, makeFootage, moveAside, putClosed, startHost, type Host } from './unreadable-host.ts';
import type { UnreadableWork } from './unreadable-process.ts';

/** One process is killed at all of these, each in a spool of its own. */
const puttingAside = ['aside-folder', 'aside-moved', 'aside-told', 'aside-lasting'];
const bringingBack = ['back-moved', 'back-told'];

let footage: Awaited<ReturnType<typeof makeFootage>>;
const works: UnreadableWork[] = [];
beforeAll(async () => {
  footage = await makeFootage();
  for (const killAt of puttingAside) {
    const host = await startHost();
    works.push({ dir: host.spool.dir, cameraId: host.cameraId, file: await putClosed(host, 0), killAt });
  }
  for (const killAt of bringingBack) {
    const host = await startHost();
    const file = await putClosed(host, 0);
    await moveAside(host, file);
    works.push({ dir: host.spool.dir, cameraId: host.cameraId, file: null, killAt });
  }
  expect(await runProcess('recorder/unreadable-process.ts', works)).toEqual({ code: null, signal: 'SIGKILL' });
}, 60_000);
afterAll(() => footage.remove());

function levelOf({ dir, cameraId }: UnreadableWork, level: string): Promise<string[]> {
  return readdir(path.join(dir, level, cameraId)).catch(() => []); // nothing was ever in it
}

/** The next start of the process. */
async function restart({ dir, cameraId }: UnreadableWork): Promise<Host> {
  const host = await startHost(dir, cameraId);
  await Promise.all((await salvageSpool(host.salvage)).values());
  await host.unreadable.tryAgain();
  return host;
}

/** What the committer is told of, by path: what is told twice is committed once. */
const toCommit = (host: Host): string[] => [...new Set([...host.closed, ...host.back].map((file) => file.path))];

describe('killed while a file that cannot be read is put aside', () => {
  test.each(puttingAside)('at %s: it is aside in the end, with its reason, and comes back once', async (place) => {
    const work = works.find(({ killAt }) => killAt === place);
    if (work?.file == null) throw new Error('no such work');
    const { file } = work;
    const name = path.basename(file.path);
    const mend = breakFiles((at) => at.startsWith(work.dir) && at.endsWith('.mp4'), ['readFile', 'open']);
    try {
      const host = await restart(work);
      if (place === 'aside-folder') {
        expect(host.closed).toEqual([file]);
        await giveUp(host, file);
      }
      expect(host.aside).toHaveLength(1); // its gap is claimed
      expect(host.aside[0]?.file.name).toEqual(file.name);
      expect(host.unreadable.aside().files).toBe(1);
      expect(host.back).toEqual([]);
      expect(await levelOf(work, 'closed')).toEqual([]);
      expect((await levelOf(work, 'unreadable')).toSorted()).toEqual([name, `${name}.reason.txt`]);
    } finally {
      mend();
    }
    const mended = await restart(work);
    expect(mended.back).toEqual([file]);
    expect(await levelOf(work, 'closed')).toEqual([name]);
    expect(await levelOf(work, 'unreadable')).toEqual([]);
  });
});

describe('killed while a file that can be read again is brought back', () => {
  test.each(bringingBack)('at %s: it is committed, and once', async (place) => {
    const work = works.find(({ killAt }) => killAt === place);
    if (work === undefined) throw new Error('no such work');
    const host = await restart(work);
    const closed = await levelOf(work, 'closed');
    expect(closed).toHaveLength(1);
    expect(toCommit(host)).toEqual([path.join(work.dir, 'closed', work.cameraId, closed[0] ?? '')]);
    expect(host.unreadable.aside().files).toBe(0);
    expect(host.aside).toEqual([]);
    expect(await levelOf(work, 'unreadable')).toEqual([]);
    expect((await restart(work)).back).toEqual([]);
  });
});
