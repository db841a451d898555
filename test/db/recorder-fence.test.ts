import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { changeIntent } from '../../db/camera-changes.ts';
import { cameraByPublicId, setCameraState } from '../../db/cameras.ts';
import { claimsBetween, closeGap, openGap, openGapOf, updateOpenGap } from '../../db/gaps.ts';
import { markRecording, takeEpoch } from '../../db/leases.ts';
import { transaction } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/lock-wait.ts';
import { clocksAt, makeCamera } from './fixtures.ts';

const host = '00000000-0000-4000-8000-00000000000a';
const graceMs = 86_400_000;
const t = Date.UTC(2026, 10, 24, 12);
const evidence = {};

let database: TestDatabase;
let id: string;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
/** Epoch 1 records. */
beforeEach(async () => {
  ({ id } = await makeCamera(database.pool, { createdAtMs: t }));
  await takeEpoch(database.pool, id, { hostId: host, sessionId: null });
  await recordedBy(1);
});

async function recordedBy(epoch: number): Promise<void> {
  const { pool } = database;
  await markRecording(pool, id, epoch, { frameMs: t + 1000, keySha256: null });
  await closeGap(pool, id, t + 1000, epoch);
  await setCameraState(pool, id, 'recording', null, t + 1000, epoch);
}

const intent = (action: 'pause' | 'resume' | 'retire' | 'reactivate', nowMs: number) =>
  transaction(database.pool, (tx) => changeIntent(tx, id, action, { clocks: clocksAt(nowMs), graceMs }));

/** All that a recording of this epoch may say late. */
const words = {
  opened: (epoch: number) => openGap(database.pool, id, { startMs: t + 5000, reason: 'unreachable', evidence }, epoch),
  updated: (epoch: number) => updateOpenGap(database.pool, id, { reason: 'unreachable', evidence }, epoch),
  closed: (epoch: number) => closeGap(database.pool, id, t + 9000, epoch),
  shown: (epoch: number) => setCameraState(database.pool, id, 'reconnecting', 'unreachable', t + 5000, epoch),
};

async function sayAll(epoch: number): Promise<void> {
  for (const word of Object.values(words)) await word(epoch);
}

/** What is told of the camera. */
async function told(): Promise<unknown> {
  const camera = await cameraByPublicId(database.pool, id);
  const claims = await claimsBetween(database.pool, id, 0, t + 10 * graceMs);
  return { state: camera?.state, claims: claims.map(({ startMs, endMs, reason }) => ({ startMs, endMs, reason })) };
}

test('a recording says what is open and how its camera is, until a newer one has its first frame', async () => {
  const { pool } = database;
  const epoch = await takeEpoch(pool, id, { hostId: host, sessionId: null });
  expect(await words.shown(1)).toBe(true); // the newer one has no frame yet
  await words.opened(1);
  expect(await openGapOf(pool, id)).toMatchObject({ reason: 'unreachable' });
  await recordedBy(epoch);
  expect(await openGapOf(pool, id)).toBeNull();

  const before = await told();
  await sayAll(1);
  expect(await told()).toEqual(before);
  // What the newer one opens is not for the older one to end.
  await openGap(pool, id, { startMs: t + 6000, reason: 'auth', evidence }, epoch);
  expect([await words.updated(1), await words.closed(1), await words.shown(1)]).toEqual([false, false, false]);
  expect(await openGapOf(pool, id)).toMatchObject({ reason: 'auth' });
  expect([await words.updated(epoch), await words.closed(epoch)]).toEqual([true, true]);
});

test('of a paused camera its recording says nothing: the pause stays one, with its end', async () => {
  await intent('pause', t + 4000);
  const before = await told();
  await sayAll(1);
  expect(await told()).toEqual(before);
  await intent('resume', t + 20_000);
  expect((await claimsBetween(database.pool, id, t + 4000, t + 20_000))[0]).toMatchObject({
    startMs: t + 4000,
    endMs: t + 20_000,
    reason: 'paused',
  });
});

test('of a retired camera nothing is missing: its grace reads as a pause once it is reactivated', async () => {
  await intent('retire', t + 4000);
  const before = await told();
  await sayAll(1);
  await openGap(database.pool, id, { startMs: t + 5000, reason: 'no-slot', evidence }); // said by its workflow, late
  expect(await told()).toEqual(before);
  expect(await openGapOf(database.pool, id)).toBeNull();
  await intent('reactivate', t + 20_000);
  expect((await claimsBetween(database.pool, id, t + 4000, t + 20_000)).map(({ reason }) => reason)).toEqual([
    'paused',
  ]);
});

test('what was claimed of a retired camera before such words were refused is no loss once it is reactivated', async () => {
  await intent('retire', t + 4000);
  await database.pool.query(
    `insert into gap (camera_id, start_at, reason) select id, $2, 'unreachable' from camera where public_id = $1`,
    [id, new Date(t + 5000)],
  );
  await intent('reactivate', t + 20_000);
  const claims = await claimsBetween(database.pool, id, t + 4000, t + 20_000);
  const lost = claims.filter(({ reason }) => reason === 'unreachable');
  expect(lost.map(({ startMs, endMs }) => (endMs ?? Infinity) - startMs)).toEqual([0]);
});

/** Whoever changes what counts holds the lease; a word that comes meanwhile waits, and then is none. */
test.each(Object.entries(words))(
  'what is %s while another takes over waits for it, and says nothing',
  async (_, say) => {
    const { pool } = database;
    const epoch = await takeEpoch(pool, id, { hostId: host, sessionId: null });
    if (say === words.updated || say === words.closed) {
      await openGap(pool, id, { startMs: t + 6000, reason: 'auth', evidence }, epoch);
    }
    const before = await told();
    let saying: Promise<unknown> = Promise.resolve();
    await transaction(pool, async (tx) => {
      await markRecording(tx, id, epoch, { frameMs: t + 2000, keySha256: null });
      saying = say(1);
      await untilSomebodyWaits(pool);
    });
    await saying;
    expect(await told()).toEqual(before);
  },
);
