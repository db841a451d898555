import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { nothingSwept, sweepShard } from '../../activities/sweep-retention.ts';
import { insertSegment } from '../../db/segments.ts';
import type { Pool } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import type { Objects } from '../../storage/objects.ts';
import { benchSegment, finalMs, firstMs, type BenchCamera } from './retention-catalogue.ts';

export const shards = 4;
const commitsPerSecond = 100;
const calmMs = 8000;

/** A sweep of all shards at once, without a rate limit, as of when `due` segments of each camera are due. @returns segments */
export async function sweepAll(deps: { db: Pool; objects: Objects }, due: number): Promise<number> {
  const atMs = firstMs + due * finalMs + 366 * dayMs;
  const swept = await Promise.all(
    Array.from({ length: shards }, (_, shard) =>
      sweepShard(
        { ...deps, log: pino({ level: 'silent' }), now: () => atMs, maxSegmentsPerSecond: 1e9 },
        { atMs, shard, shards },
        nothingSwept,
        () => undefined,
      ),
    ),
  );
  return swept.reduce((sum, { segments }) => sum + segments, 0);
}

export interface SweepRounds {
  segments: number;
  /** That the sweeps took. */
  ms: number;
  /** How long each commit took while nothing was swept, ms. */
  calm: number[];
  /** And during the sweeps. */
  busy: number[];
}

/** Sweeps part by part, each after a calm while: what else the machine does then weighs on both alike. */
export async function sweepInRounds(
  deps: { db: Pool; objects: Objects },
  commits: Committer,
  { due, rounds }: { due: number; rounds: number },
): Promise<SweepRounds> {
  const sum: SweepRounds = { segments: 0, ms: 0, calm: [], busy: [] };
  for (let round = 1; round <= rounds; round += 1) {
    sum.calm.push(...(await commits.during(deps.db, sleep(calmMs))));
    const beganMs = performance.now();
    const swept = sweepAll(deps, Math.floor((due * round) / rounds)).then((segments) => {
      sum.segments += segments;
      sum.ms += performance.now() - beganMs;
    });
    sum.busy.push(...(await commits.during(deps.db, swept)));
  }
  return sum;
}

/** Commits new segments of all cameras in turn at a steady rate, for as long as something lasts. */
export interface Committer {
  /** @returns how long each took, ms */
  during(db: Pool, work: Promise<unknown>): Promise<number[]>;
}

export function createCommitter(cameras: readonly BenchCamera[], perCamera: number): Committer {
  let committed = 0;
  async function commitOne(db: Pool, times: number[]): Promise<void> {
    const camera = cameras[committed % cameras.length];
    const place = perCamera + Math.floor(committed / cameras.length);
    committed += 1;
    if (camera === undefined) return;
    const beganMs = performance.now();
    await insertSegment(db, camera.internalId, benchSegment(camera, place));
    times.push(performance.now() - beganMs);
  }
  return {
    async during(db, work) {
      const times: number[] = [];
      const running: Promise<void>[] = [];
      const timer = setInterval(() => running.push(commitOne(db, times)), 1000 / commitsPerSecond);
      try {
        await work;
      } finally {
        clearInterval(timer);
      }
      await Promise.all(running);
      return times;
    },
  };
}
