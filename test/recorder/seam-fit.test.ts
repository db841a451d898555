import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { leaseOf, markRecording, markSeam, takeEpoch } from '../../db/leases.ts';
import { createLogger } from '../../log.ts';
import type { SegmentIndex } from '../../media/mp4-index.ts';
import { noFailpoint } from '../../recorder/failpoint.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { fitToSeam, type SeamDeps } from '../../recorder/seam.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let dir: string;
let spool: Spool;
beforeAll(async () => {
  database = await createTestDatabase();
  dir = await mkdtemp(path.join(tmpdir(), 'framekeep-seam-'));
  spool = await openSpool({ dir, maxBytes: 1e9 });
});
afterAll(async () => {
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

const hostId = '00000000-0000-4000-8000-00000000000a';

/** Where a new recording's first file comes to lie, once nothing about it changes any more. */
async function placeOf(beyondMs: number, skewMs: number): Promise<{ fromSeamMs: number; rounds: number }> {
  const { pool: db } = database;
  const seamMs = Date.now() - 3000;
  const camera = await makeCamera(db);
  await takeEpoch(db, camera.id, { hostId, sessionId: null });
  const epoch = await takeEpoch(db, camera.id, { hostId, sessionId: null });
  await markRecording(db, camera.id, epoch, { frameMs: seamMs, keySha256: 'ab'.repeat(32) });
  await markSeam(db, camera.id, { epoch, atMs: seamMs });
  await db.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [
    camera.internalId,
    new Date(seamMs + beyondMs),
  ]);
  const log = createLogger({ level: 'silent', name: 'test' });
  const deps: SeamDeps = { db, spool, handoverHoldMs: 15_000, log, now: Date.now, failpoint: noFailpoint };
  const name = { startMs: seamMs + skewMs, durationMs: 8000, epoch, anchor: true };
  const run = await spool.openRun(camera.id, 'run');
  await writeFile(path.join(run, '0.mp4'), 'what is in it does not matter here');
  const closed = await spool.close({ cameraId: camera.id, run: 'run', name: '0.mp4' }, segmentFileName(name));
  let file: ClosedFile = { cameraId: camera.id, path: closed, name };
  for (let rounds = 0; rounds < 10; rounds += 1) {
    const lease = await leaseOf(db, camera.id);
    if (lease === null) throw new Error('no lease');
    // Only an older recording's file is looked into.
    const fit = await fitToSeam(deps, file, {} as SegmentIndex, { internalId: camera.internalId, lease });
    if (fit === null) return { fromSeamMs: file.name.startMs - seamMs, rounds };
    if (!('parts' in fit) || fit.parts[0] === undefined) throw new Error('it should not be held back');
    file = fit.parts[0];
  }
  throw new Error('it is moved to and fro');
}

test.each([
  { what: 'at the seam', beyondMs: 0, skewMs: 0, fromSeamMs: 0 },
  { what: 'late clock', beyondMs: 0, skewMs: 700, fromSeamMs: 0 },
  { what: 'early clock', beyondMs: 0, skewMs: -700, fromSeamMs: 0 },
  { what: 'the older one not committed yet', beyondMs: -2000, skewMs: 400, fromSeamMs: 0 },
  { what: 'the older one a little beyond', beyondMs: 300, skewMs: 0, fromSeamMs: 300 },
  { what: 'the same, late clock', beyondMs: 300, skewMs: 900, fromSeamMs: 300 },
  { what: 'the older one far beyond: the fence cuts', beyondMs: 1500, skewMs: 200, fromSeamMs: 0 },
  { what: 'what is left after that stays', beyondMs: 1500, skewMs: 2000, fromSeamMs: 2000 },
])('the first file of a new recording finds its place and stays: $what', async ({ beyondMs, skewMs, fromSeamMs }) => {
  const placed = await placeOf(beyondMs, skewMs);
  expect(placed.fromSeamMs).toBe(fromSeamMs);
  expect(placed.rounds).toBeLessThanOrEqual(1);
});
