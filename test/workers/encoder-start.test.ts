import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { liveEncoders } from '../../db/encoders.ts';
import { createLogger } from '../../log.ts';
import { startWhenPossible } from '../../workers/encoder-start.ts';
import { makeWorkFolder } from '../../workers/work-folder.ts';
import { makeFolder } from '../media/footage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
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

async function shown(workerId: string) {
  return (await liveEncoders(database.pool, Date.now())).find((worker) => worker.workerId === workerId);
}

test('an encoder whose folder cannot be made is listed with why, starts once it can, and keeps nobody waiting', async () => {
  const workerId = randomUUID();
  const parent = join(folder.path, workerId);
  await writeFile(parent, 'no folder');
  const events: string[] = [];
  const role = startWhenPossible(
    { db: database.pool, log, now: Date.now },
    workerId,
    async (id) => {
      const own = await makeWorkFolder(parent, id, log);
      events.push('started');
      const stop = async (): Promise<void> => {
        await own.remove();
        events.push('stopped');
      };
      return { drain: stop, stop };
    },
    20,
  );
  // It came back at once: the other roles of the process go on.
  const failed = await waitFor('it is listed', () => shown(workerId));
  expect(failed).toMatchObject({ kind: 'none', slots: 0, joinSlots: 0, reason: expect.stringMatching(/cannot start/) });
  expect(events).toEqual([]);
  await rm(parent);
  await mkdir(parent);
  await waitFor('it has started', async () => events.length === 1);
  await role.stop();
  expect(events).toEqual(['started', 'stopped']);
});

test('one that never could start is not tried again once it is stopped, and not listed any more', async () => {
  const workerId = randomUUID();
  let tries = 0;
  const start = () => {
    tries += 1;
    return Promise.reject(new Error('no room'));
  };
  const role = startWhenPossible({ db: database.pool, log, now: Date.now }, workerId, start, 60_000);
  await waitFor('it is listed', () => shown(workerId));
  await role.stop();
  expect(tries).toBe(1);
  expect(await shown(workerId)).toBeUndefined();
});
