import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { leaseOf } from '../../db/leases.ts';
import { commitFile } from '../../recorder/commit.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { cutOff, zeroEnd } from '../support/spoilt-file.ts';
import {
  closedNames,
  gopMs,
  makeGopSource,
  openHost,
  quarantined,
  recordingOf,
  type ClockedHost,
  type GopSource,
} from './clocked-host.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let source: GopSource;
let host: ClockedHost;
beforeAll(async () => {
  site = await createSite();
  source = await makeGopSource(path.join(site.dir, 'source'));
  host = await openHost(site, 'host');
});
afterAll(async () => {
  await host?.committer.stop();
  await site?.close();
});

/** A closed file of two GOPs, of a camera that is there unless it is given. */
async function closedFile(unknownId?: string): Promise<ClosedFile> {
  const id = unknownId ?? (await site.addCamera('rtsp://127.0.0.1:1/'));
  const baseMs = (await leaseOf(site.database.pool, id))?.lastEndMs ?? Date.now();
  const camera = { id, baseMs, epoch: 0 };
  const clock = { offMs: 0, untilGop: 0, thenMs: 0 };
  const [one] = await recordingOf(source, host, camera, { from: 0, to: 2 }, clock);
  if (one === undefined) throw new Error('a file was wanted');
  return one.file;
}

test.each([zeroEnd, cutOff])(
  '%o: a damaged file is stored as far as it is whole, and its row says so',
  async (spoil) => {
    const file = await closedFile();
    const { cameraId, name } = file;
    await spoil(file.path);
    const spoilt = await readFile(file.path);
    const outcome = await commitFile(host.deps, file);
    if (outcome.kind !== 'cut') throw new Error(`not cut but ${outcome.kind}`);
    expect(outcome.lost).toMatchObject({ startMs: name.startMs + gopMs, endMs: name.startMs + 2 * gopMs });
    expect(await closedNames(host, cameraId)).toEqual([{ ...name, durationMs: gopMs }]);
    const [part] = outcome.parts;
    if (part === undefined) throw new Error('a part was wanted');
    expect(await commitFile(host.deps, part)).toMatchObject({ kind: 'committed' });
    expect(await site.segments(cameraId)).toMatchObject([{ startMs: name.startMs, durationMs: gopMs }]);
    const [kept = ''] = await quarantined(host.deps.spool, cameraId);
    expect(await readFile(path.join(host.deps.spool.dir, 'quarantine', cameraId, kept))).toEqual(spoilt);
  },
);

test('a catalogue of another version keeps a file from being committed, and nothing is put aside', async () => {
  const file = await closedFile();
  const { pool } = site.database;
  await pool.query(`alter table segment rename to segment_of_another_version`);
  try {
    await expect(commitFile(host.deps, file)).rejects.toThrow(/relation "segment" does not exist/);
  } finally {
    await pool.query(`alter table segment_of_another_version rename to segment`);
  }
  expect(await commitFile(host.deps, file)).toMatchObject({ kind: 'committed' });
  expect(await quarantined(host.deps.spool, file.cameraId)).toEqual([]);
});

test('footage of a camera that the catalogue does not have waits for a day, then it is put aside', async () => {
  const file = await closedFile(randomUUID());
  await expect(commitFile(host.deps, file)).rejects.toThrow(/has no camera/);
  expect(await closedNames(host, file.cameraId)).toHaveLength(1);
  const tomorrow = { ...host.deps, now: () => Date.now() + 86_500_000 };
  expect(await commitFile(tomorrow, file)).toMatchObject({ kind: 'quarantined' });
  expect(await quarantined(host.deps.spool, file.cameraId)).toHaveLength(1);
});
