import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { metBefore, noteMeeting } from '../../recorder/meetings.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';

const cameraId = '6f2c8a52-0c8f-4c55-9a1e-1d6a0b8e3f10';
const lease = { recordingEpoch: 4, firstKeySha256: 'a'.repeat(64) };
let spool: Spool;
beforeEach(async () => {
  spool = await openSpool({ dir: await mkdtemp(path.join(tmpdir(), 'framekeep-meetings-')), maxBytes: 1e9 });
});
afterEach(() => rm(spool.dir, { recursive: true, force: true }));

function fileAt(startMs: number, epoch = 3) {
  return { cameraId, path: '', name: { startMs, durationMs: 2000, epoch, anchor: false } };
}

test('a meeting holds for what its recording recorded later, for no other, and for one newer recording', async () => {
  expect(await metBefore(spool, fileAt(6000), lease)).toBeNull();
  await noteMeeting(spool, fileAt(6000), lease);
  expect(await metBefore(spool, fileAt(8000), lease)).toBe(4);
  expect(await metBefore(spool, fileAt(4000), lease)).toBeNull();
  expect(await metBefore(spool, fileAt(8000, 2), lease)).toBeNull();
  const moved = { ...fileAt(4000), name: { ...fileAt(4000).name, recordedMs: 7000 } };
  expect(await metBefore(spool, moved, lease)).toBe(4);
  // A third recording changes nothing; one with the same number in a restored catalogue is another one.
  expect(await metBefore(spool, fileAt(8000), { recordingEpoch: 5, firstKeySha256: null })).toBe(4);
  expect(await metBefore(spool, fileAt(8000), { ...lease, firstKeySha256: 'b'.repeat(64) })).toBeNull();
});

test.each(['', '{"epoch":3', '{"epoch":3,"by":4}'])('what is torn proves nothing: %s', async (text) => {
  await noteMeeting(spool, fileAt(6000), lease);
  await writeFile(path.join(spool.dir, 'met', cameraId), text);
  expect(await metBefore(spool, fileAt(8000), lease)).toBeNull();
});
