import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { openGap, openGapOf } from '../../db/gaps.ts';
import { leaseOf, takeEpoch } from '../../db/leases.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera();
});
afterAll(async () => {
  await site.close();
  await camera.close();
});

/** What others tell of a camera that they do not see recorded. */
async function toldAsLost(cameraId: string, reason: 'no-slot' | 'unreachable', byEpoch: number | null): Promise<void> {
  const { pool } = site.database;
  const state = reason === 'no-slot' ? 'no-slot' : 'reconnecting';
  expect(await setCameraState(pool, cameraId, state, reason, Date.now(), byEpoch)).toBe(true);
  await openGap(pool, cameraId, { startMs: Date.now(), reason, evidence: {} }, byEpoch);
  expect(await openGapOf(pool, cameraId)).toMatchObject({ reason });
}

async function untilToldAsRecorded(cameraId: string): Promise<void> {
  await waitFor('it is told as recorded', async () => {
    const isOpen = (await openGapOf(site.database.pool, cameraId)) !== null;
    return !isOpen && (await site.state(cameraId)).status === 'recording';
  });
}

test.concurrent('sessions that attach raise the epoch once, and only where another host had taken it', async () => {
  const { pool } = site.database;
  const cameraId = await site.addCamera(camera.url());
  const recorder = await site.start('a');
  const recording = await recorder.ensure(cameraId, 'first');
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  await Promise.all([recorder.ensure(cameraId, 'second'), recorder.ensure(cameraId, 'third')]);
  expect((await leaseOf(pool, cameraId))?.epoch).toBe(1);

  await untilToldAsRecorded(cameraId);
  await toldAsLost(cameraId, 'no-slot', null); // by its workflow, which could not reach this host
  await recorder.ensure(cameraId, 'found again');
  await untilToldAsRecorded(cameraId);

  const elsewhere = await takeEpoch(pool, cameraId, { hostId: randomUUID(), sessionId: 'elsewhere' });
  await toldAsLost(cameraId, 'unreachable', elsewhere); // it never has a frame
  const attached = await Promise.all(['a', 'b', 'c'].map((session) => recorder.ensure(cameraId, session)));
  expect(new Set([recording, ...attached]).size).toBe(1);
  expect(recording.epoch).toBe(3);
  await untilToldAsRecorded(cameraId);
  const lease = await leaseOf(pool, cameraId);
  expect(lease).toMatchObject({ epoch: 3, recordingEpoch: 3, hostId: recorder.hostId });
  await recorder.ensure(cameraId, 'again');
  expect((await leaseOf(pool, cameraId))?.epoch).toBe(3);

  await waitFor(
    'files of the new epoch',
    async () => (await site.segments(cameraId)).filter((row) => row.epoch === 3).length >= 3,
  );
  await recording.stop('unwanted');
  await waitFor('all committed', async () => recorder.stats().backlog.files === 0);
  const rows = await site.segments(cameraId);
  expect(rows.map((row) => row.anchor)).toEqual(rows.map((_, i) => i === 0)); // one run all the time
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBe(rows[i]?.endMs));
});

test.concurrent('what a session could not do of attaching, the next one does, or the next start of the process', async () => {
  const { pool } = site.database;
  const cameraId = await site.addCamera(camera.url());
  const recorder = await site.start('b');
  const recording = await recorder.ensure(cameraId, 'first');
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  await takeEpoch(pool, cameraId, { hostId: randomUUID(), sessionId: 'elsewhere' });

  // The database refuses the last of the writes.
  await pool.query(`create or replace function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not now' using errcode = '57014'; end $$`);
  const { rows } = await pool.query<{ id: number }>(`select id from camera where public_id = $1`, [cameraId]);
  await pool.query(`create or replace trigger refuse before update of recording_epoch on camera_lease
    for each row when (old.camera_id = ${rows[0]?.id}) execute function refuse()`);
  await expect(recorder.ensure(cameraId, 'second')).rejects.toThrow('not now');
  expect(await leaseOf(pool, cameraId)).toMatchObject({ epoch: 3, recordingEpoch: 1 });
  await pool.query(`drop trigger refuse on camera_lease`);
  expect(await recorder.ensure(cameraId, 'third')).toBe(recording);
  expect(await leaseOf(pool, cameraId)).toMatchObject({ epoch: 3, recordingEpoch: 3, hostId: recorder.hostId });
  await recorder.stop();

  // Killed after an epoch was taken, and before it was noted: nobody else has it.
  await takeEpoch(pool, cameraId, { hostId: recorder.hostId, sessionId: 'killed' });
  const again = await site.start('b');
  await waitFor('it records under that epoch', async () => (await leaseOf(pool, cameraId))?.recordingEpoch === 4);
  expect(again.get(cameraId)?.epoch).toBe(4);
  await again.get(cameraId)?.stop('unwanted');
});

test.concurrent('a host that cannot reach a camera says nothing of it while another one records it', async () => {
  const { pool } = site.database;
  const cameraId = await site.addCamera(camera.url());
  const older = await site.start('c');
  const recording = await older.ensure(cameraId, null);
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  await untilToldAsRecorded(cameraId);

  let tries = 0;
  const backoffMs = (): number => {
    tries += 1;
    return 100;
  };
  const { config } = site.deps('d');
  const elsewhere = await site.start('d', { config: { ...config, cameraNetworks: ['192.0.2.0/24'] }, backoffMs });
  const waiting = await elsewhere.ensure(cameraId, null);
  await waitFor('it has tried in vain', async () => tries >= 4 && elsewhere.stats().pendingWrites === 0);
  expect(await site.state(cameraId)).toEqual({ status: 'recording', status_reason: null });
  expect(await openGapOf(pool, cameraId)).toBeNull();

  // Nobody records it any more: then it is told, from the end of the other one's footage on.
  await recording.stop('unwanted');
  await waitFor('all committed', async () => older.stats().backlog.files === 0);
  const endMs = (await site.segments(cameraId)).at(-1)?.endMs ?? 0;
  await pool.query(
    `update camera_lease l set last_end_at = l.last_end_at - interval '10 minutes'
     from camera c where c.id = l.camera_id and c.public_id = $1`,
    [cameraId],
  );
  await waitFor('it is told', async () => (await openGapOf(pool, cameraId)) !== null);
  expect((await openGapOf(pool, cameraId))?.startMs).toBe(endMs - 600_000);
  await waiting.stop('unwanted');
});
