import { mkdir } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encoderSteps } from '../../db/encoder-steps.ts';
import { encoderSlots } from '../../db/encoders.ts';
import { createLogger } from '../../log.ts';
import { createEncoders } from '../../media/encoders.ts';
import { startReports } from '../../workers/encoder-reports.ts';
import { createEncoderSlots } from '../../workers/encoder-slots.ts';
import { createStepNotes } from '../../workers/encoder-steps.ts';
import { makeFolder } from '../media/footage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ffmpegLines } from '../support/stand-in-ffmpeg/lines.ts';
import { makeStandIn } from '../support/stand-in-ffmpeg/stand-in.ts';
import { waitFor } from '../support/wait-for.ts';

const log = createLogger({ level: 'silent', name: 'test' });
let database: TestDatabase;
let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  [database, folder] = await Promise.all([createTestDatabase(), makeFolder()]);
});
afterAll(async () => {
  await database?.drop();
  await folder?.remove();
});

test('a host whose encoders are all down has no slots, and has them again by itself when one works', async () => {
  const db = database.pool;
  const hostFolder = join(folder.path, 'host');
  await mkdir(hostFolder);
  const standIn = await makeStandIn(folder.path, { h264_nvenc: { lines: ffmpegLines.noDriver } });
  let nowMs = Date.now();
  const now = (): number => nowMs;
  const notes = createStepNotes({ db, log, host: 'gpu' });
  const encoders = createEncoders({
    ffmpeg: standIn.path,
    wanted: ['nvenc'],
    hostFolder,
    now,
    ...notes,
  });
  const slots = createEncoderSlots({ encoder: ['nvenc'], encoderSlots: 2 }, [], await encoders.status());
  const own = { workerId: randomUUID(), host: 'gpu', slots, joinSlots: 4, spoolHostId: () => null };
  const reports = startReports({ db, log, now }, { ...own, encoders, joinUsed: () => 0 }, 50);
  try {
    await waitFor('the worker lives', async () => (await encoderSlots(db, nowMs)).join === 4);
    expect(await encoderSlots(db, nowMs)).toEqual({ encode: 0, join: 4 });
    await standIn.set({ h264_nvenc: {} });
    nowMs += 61_000;
    await waitFor('its slots are back', async () => (await encoderSlots(db, nowMs)).encode === 2);
  } finally {
    reports.stop();
  }
  const steps = async () => (await encoderSteps(db, 10)).filter(({ host }) => host === 'gpu');
  await waitFor('both steps are noted', async () => (await steps()).length === 2);
  expect(await steps()).toMatchObject([
    { kind: 'up', fromKind: null, toKind: 'nvenc' },
    { kind: 'down', fromKind: 'nvenc', toKind: null, reason: expect.stringMatching(/libcuda/) as string },
  ]);
});

test('what is learned of the sessions of a driver is noted with its reason', async () => {
  const db = database.pool;
  const { onCeiling } = createStepNotes({ db, log, host: 'shared' });
  onCeiling({ from: null, to: 3, reason: 'refused', atMs: 1000 });
  onCeiling({ from: 3, to: 2, reason: 'refused again', atMs: 2000 });
  onCeiling({ from: 2, to: 3, reason: 'given', atMs: 3000 });
  const own = async () => (await encoderSteps(db, 10)).filter(({ host }) => host === 'shared');
  await waitFor('all are noted', async () => (await own()).length === 3);
  expect((await own()).map(({ kind, ceiling, reason }) => [kind, ceiling, reason])).toEqual([
    ['ceiling-risen', 3, 'given'],
    ['ceiling-dropped', 2, 'refused again'],
    ['ceiling-dropped', 3, 'refused'],
  ]);
});
