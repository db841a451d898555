import {
  completeSweep,
  nothingSwept,
  planSweep,
  sweepShard,
  type SweepRetentionDeps,
  type SweptFootage,
} from '../../activities/sweep-retention.ts';
import type { Db } from '../../db/sql.ts';

/** As if the last sweep had been an hour ago: tests let weeks pass at once, after which a real one stops and asks. */
export async function sweptAnHourBefore(db: Db, nowMs: number): Promise<void> {
  await db.query(
    `update retention_sweep set looked_at = $1, swept_at = $1, resumed_at = null
     where coalesce(looked_at, '-infinity') < $1`,
    [new Date(nowMs - 3_600_000)],
  );
}

/** What the workflow does, with two shards. */
export async function sweep(deps: SweepRetentionDeps): Promise<SweptFootage | null> {
  const plan = await planSweep(deps);
  if (plan === null) return null;
  const total = { segments: 0, bytes: 0, refused: 0 };
  for (const shard of [0, 1]) {
    const part = await sweepShard(deps, { ...plan, shard, shards: 2 }, nothingSwept, () => undefined);
    total.segments += part.segments;
    total.bytes += part.bytes;
    total.refused += part.refused;
  }
  await completeSweep(deps, { ...plan, ...total, isWhole: true });
  return total;
}
