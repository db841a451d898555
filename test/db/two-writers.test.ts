import { afterAll, beforeAll, expect, test } from 'vitest';
import { segmentsBetween } from '../../db/footage.ts';
import { takeEpoch } from '../../db/leases.ts';
import { commitSlow, insertSegment } from '../../db/segments.ts';
import { createPool, transaction, type Pool } from '../../db/sql.ts';
import { mergeHoles, type Hole } from '../../domain/gaps.ts';
import type { Segment } from '../../domain/segment.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera, segmentOf } from './fixtures.ts';

/** Two writers each: more than connect at once. */
const cameras = 20;
const segmentsPerWriter = 30;

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.url, { max: 16, applicationName: 'two-writers' });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** The same numbers in each run: a failure can be looked at again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What a recorder does with one file; a cut of it is the same cut each time, as fragments make it. */
async function commit(internalId: number, file: Segment, slow: { count: number }): Promise<void> {
  if (await insertSegment(pool, internalId, file)) return;
  slow.count += 1;
  const outcome = await transaction(pool, (tx) => commitSlow(tx, internalId, file));
  if (outcome === 'committed' || outcome === 'already') return;
  for (const part of outcome.free) {
    const cut = segmentOf({
      startMs: part.startMs,
      durationMs: part.endMs - part.startMs,
      epoch: file.epoch,
      content: `${file.sha256} cut to ${part.startMs}-${part.endMs}`,
    });
    await commit(internalId, cut, slow);
  }
}

/** The files of one recording: continuous, with a pause here and there, told in an order that is mostly right. */
function filesOf(epoch: number, fromMs: number, random: () => number): Segment[] {
  const files: Segment[] = [];
  let startMs = fromMs + Math.floor(random() * 3_000);
  for (let i = 0; i < segmentsPerWriter; i += 1) {
    if (random() < 0.1) startMs += Math.floor(random() * 20_000);
    const durationMs = 2_000 + Math.floor(random() * 10_000);
    files.push(segmentOf({ startMs, durationMs, epoch, content: `${epoch} ${fromMs} ${startMs}` }));
    startMs += durationMs;
  }
  const replayed = files.filter(() => random() < 0.4);
  const late = files.filter(() => random() < 0.1);
  const inTime = files.filter((file) => !late.includes(file));
  return [...inTime, ...replayed, ...late, ...replayed.slice(0, 3)];
}

test('two writers a camera with replays: nothing overlaps, nothing is lost', { timeout: 120_000 }, async () => {
  const slow = { count: 0 };
  const submitted = new Map<string, { createdAtMs: number; files: Segment[] }>();
  const writers: Promise<void>[] = [];
  for (let i = 0; i < cameras; i += 1) {
    const camera = await makeCamera(pool);
    const random = randomOf(i + 1);
    const all: Segment[] = [];
    for (const host of ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']) {
      const epoch = await takeEpoch(pool, camera.id, { hostId: host, sessionId: null });
      const files = filesOf(epoch, camera.createdAtMs, random);
      all.push(...files);
      writers.push(
        (async () => {
          for (const file of files) await commit(camera.internalId, file, slow);
        })(),
      );
    }
    submitted.set(camera.id, { createdAtMs: camera.createdAtMs, files: all });
  }
  await Promise.all(writers);

  let rows = 0;
  for (const [cameraId, { createdAtMs, files }] of submitted) {
    const found = await segmentsBetween(pool, cameraId, createdAtMs, createdAtMs + 86_400_000, { limit: 10_000 });
    rows += found.length;
    for (const [i, segment] of found.entries()) {
      const previous = found[i - 1];
      if (previous !== undefined) {
        expect(segment.startMs).toBeGreaterThanOrEqual(previous.startMs + previous.durationMs);
      }
    }
    expect(mergeHoles(found.map(rangeOf))).toEqual(mergeHoles(files.map(rangeOf)));
  }
  // Both ways were taken, or this test says nothing.
  expect(slow.count).toBeGreaterThan(cameras);
  expect(rows).toBeGreaterThan(cameras * segmentsPerWriter);
  expect(await overlaps()).toBe(0);
});

test('one file told by many at once is there once', async () => {
  const camera = await makeCamera(pool);
  const file = segmentOf({ startMs: camera.createdAtMs, durationMs: 10_000, epoch: 0 });
  await Promise.all(Array.from({ length: 12 }, () => commit(camera.internalId, file, { count: 0 })));
  expect(await segmentsBetween(pool, camera.id, file.startMs, file.startMs + 10_000, { limit: 10 })).toHaveLength(1);
});

function rangeOf(segment: { startMs: number; durationMs: number }): Hole {
  return { startMs: segment.startMs, endMs: segment.startMs + segment.durationMs };
}

async function overlaps(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `select count(*)::int as count from (
       select start_at, lag(start_at + duration_ms * interval '1 ms') over (partition by camera_id order by start_at) as before
       from segment) s
     where start_at < before`,
  );
  return rows[0]?.count ?? -1;
}
