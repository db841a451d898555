import { afterAll, beforeAll, expect, test } from 'vitest';
import { recorders } from '../../db/recorders.ts';
import { createLogger } from '../../log.ts';
import { createFigures } from '../../recorder/figures.ts';
import { createSignOfLife } from '../../recorder/sign-of-life.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const hostId = '0199d2c4-0000-7000-8000-00000000000a';
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('percentiles are of the newest 500 commits, in whatever order they come', () => {
  const figures = createFigures();
  expect(figures.read().commitMs).toBeNull();
  for (let i = 0; i < 100; i += 1) figures.committed(1_000_000);
  for (let i = 499; i >= 0; i -= 1) figures.committed(i);
  expect(figures.read().commitMs).toEqual({ p50: 250, p99: 495 });
});

test('the sign of life carries the figures into the catalogue, and a newer one replaces them', async () => {
  const figures = createFigures();
  figures.failed('refused');
  figures.failed('refused');
  const read = () => ({
    backlog: { files: 1, bytes: 2, oldestEndMs: 3 },
    commits: { committed: 4 },
    spool: null,
    pendingWrites: 5,
    ...figures.read(),
  });
  const beat = async () => {
    const signOfLife = createSignOfLife({
      db: database.pool,
      hostId,
      url: () => 'http://127.0.0.1:1',
      slots: 10,
      used: () => 1,
      figures: read,
      onReturn: () => undefined,
      onDraining: () => undefined,
      log: createLogger({ level: 'silent', name: 'test' }),
    });
    signOfLife.start();
    await signOfLife.stop();
    return signOfLife;
  };
  await beat();
  expect((await recorders(database.pool))[0]?.stats).toEqual({
    backlog: { files: 1, bytes: 2, oldestEndMs: 3 },
    commits: { committed: 4 },
    spool: null,
    pendingWrites: 5,
    failures: { refused: 2 },
    commitMs: null,
  });
  figures.committed(70);
  await beat();
  expect((await recorders(database.pool))[0]?.stats?.commitMs).toEqual({ p50: 70, p99: 70 });
  const [seen] = await recorders(database.pool);
  await (await beat()).last();
  const [left] = await recorders(database.pool);
  expect(left).toMatchObject({ slots: 0, used: 0, stats: { backlog: { files: 1 } } });
  expect(left?.seenMs).toBeGreaterThanOrEqual(seen?.seenMs ?? Infinity);
});
