import path from 'node:path';
import { expect } from 'vitest';
import { leaseOf, markRecording, takeEpoch } from '../../db/leases.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  archivedGops,
  closedNames,
  commitToTheEnd,
  gopMs,
  gops,
  quarantined,
  recordingOf,
  watermarkAt,
  type ClockedHost,
  type GopSource,
  type HostClock,
} from './clocked-host.ts';
import type { Site } from './host.ts';

/** The key that the newer recording begins with. */
export const firstOfNewer = 5;

export interface HandOverStage {
  site: Site;
  source: GopSource;
  hosts: { older: ClockedHost; newer: ClockedHost };
}

/** Who commits the newer one's files, and how. */
export interface NewerCommits {
  host: ClockedHost;
  commit: (files: ClosedFile[]) => Promise<void>;
}

/** Two recordings of one stream, and what comes of them: the camera, and the GOPs of its archive in the order of rows. */
export async function handOverOn(
  { site, source, hosts }: HandOverStage,
  { older, newer, olderEndsAtGop }: { older: HostClock; newer: HostClock; olderEndsAtGop: number },
  how: NewerCommits = {
    host: hosts.newer,
    commit: async (files) => files.forEach((file) => hosts.newer.committer.add(file)),
  },
): Promise<{ cameraId: string; archive: number[] }> {
  const { pool: db } = site.database;
  const cameraId = await site.addCamera('rtsp://127.0.0.1/');
  const baseMs = Date.now() - (firstOfNewer + 2) * gopMs;
  await watermarkAt(site, cameraId, baseMs - 60_000);
  const take = (host: ClockedHost) => takeEpoch(db, cameraId, { hostId: host.deps.spool.hostId, sessionId: null });
  const first = await take(hosts.older);
  await markRecording(db, cameraId, first, { frameMs: baseMs + older.offMs, keySha256: source.keys[0] ?? null });
  const camera = { id: cameraId, baseMs, epoch: first };
  const olds = await recordingOf(source, hosts.older, camera, { from: 0, to: olderEndsAtGop }, older);
  const early = olds.filter(({ closesAtGop }) => closesAtGop <= firstOfNewer);
  for (const { file } of early) hosts.older.committer.add(file);
  await waitFor('older footage', async () => (await site.segments(cameraId)).length === early.length);

  const epoch = await take(how.host);
  const frameMs = baseMs + firstOfNewer * gopMs + newer.offMs;
  await markRecording(db, cameraId, epoch, { frameMs, keySha256: source.keys[firstOfNewer] ?? null });
  const news = await recordingOf(source, how.host, { ...camera, epoch }, { from: firstOfNewer, to: gops }, newer);
  for (const { file } of olds.slice(early.length)) hosts.older.committer.add(file);
  await how.commit(news.map(({ file }) => file));

  const left = async () => (await closedNames(how.host, cameraId)).length;
  await waitFor('the newer footage is committed', async () => (await left()) === 0);
  await waitFor('the older one has nothing left before the seam', async () => {
    const seam = (await leaseOf(db, cameraId))?.seam;
    const starts = await closedNames(hosts.older, cameraId);
    return seam?.epoch === epoch && starts.every(({ startMs }) => startMs >= seam.atMs);
  });
  // What the older one has beyond the common key.
  for (const name of await closedNames(hosts.older, cameraId)) {
    const file = path.join(hosts.older.deps.spool.dir, 'closed', cameraId, segmentFileName(name));
    expect(await commitToTheEnd(hosts.older, { cameraId, path: file, name })).toEqual({ kind: 'covered' });
  }
  for (const { deps } of [hosts.older, how.host]) expect(await quarantined(deps.spool, cameraId)).toEqual([]);
  return { cameraId, archive: await archivedGops(site, source, { cameraId, hosts: [hosts.older, how.host] }) };
}
