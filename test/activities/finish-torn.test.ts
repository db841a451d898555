import { copyFile, mkdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkMedia } from '../../activities/finish-check.ts';
import { inspectSources } from '../../media/join.ts';
import { lingeringFileName } from '../../recorder/segment-name.ts';
import { pictures, recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite } from './finish-site.ts';

const windowMs = 24_000;
let site: FinishSite;
/** 24 s in segments of 8 s. */
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 24, fps: 25, gop: 200 });
  expect(footage.length).toBe(3);
});
afterAll(() => site.close());

test('a lingering file that lost its end with the host is fetched from the store, and stays as it is', async () => {
  const camera = await site.addCamera('original');
  const sources = await site.commit(camera, footage, { startMs: t0, windowMs });
  const spoolDir = join(site.dir, 'spool');
  const folder = join(spoolDir, 'linger', camera.id);
  await mkdir(folder, { recursive: true });
  const lingering = sources.map((source) => join(folder, lingeringFileName(source, source.sha256)));
  for (const [i, path] of lingering.entries()) await copyFile(footage[i] ?? '', path);
  const torn = lingering[1] ?? '';
  await truncate(torn, Math.floor((sources[1]?.bytes ?? 0) * 0.6));
  const left = await readFile(torn);

  const [result, ...others] = await site.finishAll(undefined, { spoolDir });
  expect(others).toEqual([]);
  expect(result).toMatchObject({ outcome: 'finished', finals: 1, fetchedBytes: sources[1]?.bytes });
  const [final] = await site.rows(camera);
  if (final === undefined) throw new Error('no final');
  expect(await pictures(await site.download(camera, final))).toEqual((await Promise.all(footage.map(pictures))).flat());
  expect((await readFile(torn)).equals(left)).toBe(true);
  expect((await stat(lingering[0] ?? '')).size).toBe(sources[0]?.bytes);
});

test('files that are not the footage of their rows are refused, and which is said', async () => {
  const camera = await site.addCamera('original');
  const rows = await site.commit(camera, footage, { startMs: t0, windowMs });
  const sources = await inspectSources(footage);
  expect(() => checkMedia(sources, rows)).not.toThrow();
  const [first, second, third] = rows;
  if (first === undefined || second === undefined || third === undefined) throw new Error('no rows');
  const [entry, ...more] = second.entries;
  if (entry === undefined) throw new Error('no entries');
  const longer = { ...second, entries: [{ ...entry, bytes: entry.bytes + 1 }, ...more] };
  expect(() => checkMedia(sources, [first, longer, third])).toThrow(expect.objectContaining({ at: 1 }));
  expect(() => checkMedia(sources, [longer, second, third])).toThrow(expect.objectContaining({ at: 0 }));
});
