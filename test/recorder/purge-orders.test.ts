import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { waitingPurges } from '../../db/deletion-health.ts';
import { spoolsToEmpty } from '../../db/purge-spools.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { createLogger } from '../../log.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { createLinger } from '../../recorder/linger.ts';
import { createPurgeOrders } from '../../recorder/purge-orders.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import type { Objects } from '../../storage/objects.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { makeCamera } from '../db/fixtures.ts';
import { breakFiles } from '../support/broken-files.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';

const nowMs = Date.UTC(2026, 0, 1);
let database: TestDatabase;
let objects: Objects;
let spool: Spool;
beforeAll(async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'framekeep-purge-orders-'));
  [database, objects, spool] = await Promise.all([
    createTestDatabase(),
    createTestBucket(),
    openSpool({ dir, maxBytes: 1e9 }),
  ]);
  await upsertRecorder(database.pool, {
    hostId: spool.hostId,
    url: 'http://127.0.0.1:1',
    slots: 1,
    used: 0,
    seenMs: nowMs,
  });
});
afterAll(async () => {
  objects.close();
  await database.drop();
  await rm(spool.dir, { recursive: true, force: true });
});

/** A camera whose purge waits for the spool, with a file at one of its levels. */
async function purgedCamera(level: 'linger' | 'closed'): Promise<{ id: string; file: string }> {
  const { id, internalId } = await makeCamera(database.pool);
  await database.pool.query(`update camera set intent = 'retired', status = 'purging' where id = $1`, [internalId]);
  await database.pool.query(`insert into camera_purge (camera_id, cause, begun_at) values ($1, 'requested', $2)`, [
    internalId,
    new Date(nowMs),
  ]);
  await database.pool.query(`insert into purge_spool (camera_id, host_id) values ($1, $2)`, [internalId, spool.hostId]);
  const file = path.join(spool.dir, level, id, '0.mp4');
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, 'footage');
  return { id, file };
}

test('a damaged file keeps its own camera’s purge waiting, which says why, and no other’s', async () => {
  const { pool: db } = database;
  const log = createLogger({ level: 'silent', name: 'test' });
  const told = vi.spyOn(log, 'error');
  const deps = { db, spool, log, now: () => nowMs };
  const further = {
    objects,
    cameraIds: createCameraIds(db),
    quarantine: createQuarantine({ spoolDir: spool.dir, now: Date.now }),
    lingerMs: 1,
  };
  const orders = createPurgeOrders({
    ...deps,
    linger: createLinger({ ...deps, ...further }),
    isRecording: () => false,
  });
  const [lingering, closed] = [await purgedCamera('linger'), await purgedCamera('closed')];
  const whole = await purgedCamera('linger');
  // The second one's state cannot be read; the first one's cannot be changed.
  const mend = [
    breakFiles((at) => at === lingering.file, ['rm']),
    breakFiles((at) => at.startsWith(path.dirname(closed.file))),
  ];
  try {
    expect(await orders.carryOut()).toEqual([whole.id]);
    expect(await orders.carryOut()).toEqual([]);
    expect(told.mock.calls.map(([fields]) => fields)).toEqual(
      [lingering, closed].map(({ id }) => ({ cameraId: id, cause: expect.stringContaining(' -74') })),
    );
    expect(await waitingPurges(db, nowMs, 10)).toMatchObject([
      { cameraId: lingering.id, waitsFor: 'spool', reason: expect.stringContaining(`cannot be emptied: Unknown`) },
      { cameraId: closed.id, waitsFor: 'spool', reason: expect.stringContaining(closed.id) },
      { cameraId: whole.id, waitsFor: 'work' },
    ]);
  } finally {
    for (const one of mend) one();
  }
  expect(await readdir(path.dirname(lingering.file))).toEqual(['0.mp4']);
  // What can be read again is the committer's first.
  await rm(closed.file);
  expect(await orders.carryOut()).toEqual([lingering.id, closed.id]);
  expect(await spoolsToEmpty(db, spool.hostId)).toEqual([]);
});
