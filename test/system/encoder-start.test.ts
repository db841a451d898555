import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { liveEncoders } from '../../db/encoders.ts';
import { createTestSystem, waitFor, type TestSystem } from '../support/system.ts';

let system: TestSystem;
beforeAll(async () => {
  system = await createTestSystem();
});
afterAll(() => system?.stop());

test('an encoder without a folder to work in leaves the recorder of its process alone, and starts once it has one', async () => {
  const data = join(system.dir, 'data');
  await mkdir(data, { recursive: true });
  await writeFile(join(data, 'finish'), 'no folder');
  await writeFile(join(data, 'sessions'), 'no folder'); // of no use to x264
  const child = system.start('worker', 'recorder,encoder', {
    FRAMEKEEP_DATA_DIR: data,
    FRAMEKEEP_ENCODER: 'x264',
    FRAMEKEEP_ENCODER_SESSION_DIR: join(data, 'sessions'),
  });
  const listed = async () => (await liveEncoders(system.database.pool, Date.now())).at(0);
  const failed = await waitFor('it is listed', listed);
  expect(failed).toMatchObject({ kind: 'none', slots: 0, joinSlots: 0 });
  expect(failed.reason).toMatch(/^It cannot start: /);
  await waitFor('the recorder is there', async () => {
    const { rows } = await system.database.pool.query(`select from recorder where seen_at > now() - interval '15 s'`);
    return rows.length === 1;
  });

  await rm(join(data, 'finish'));
  const started = await waitFor('it has slots', async () => {
    const worker = await listed();
    return worker !== undefined && worker.slots > 0 && worker;
  });
  expect(started).toMatchObject({ kind: 'x264', joinSlots: 4, ceiling: null });
  await child.end('SIGINT');
  expect(await listed()).toBeUndefined();
});
