import {
  completeSweep,
  planSweep,
  sweepShard,
  type SweepRetentionDeps,
  type SweptFootage,
} from '../../activities/sweep-retention.ts';

/** What the workflow does, with two shards. */
export async function sweep(deps: SweepRetentionDeps): Promise<SweptFootage | null> {
  const plan = await planSweep(deps);
  if (plan === null) return null;
  const total = { segments: 0, bytes: 0, refused: 0 };
  for (const shard of [0, 1]) {
    const part = await sweepShard(deps, { ...plan, shard, shards: 2 }, { fromId: 0, beat: () => undefined });
    total.segments += part.segments;
    total.bytes += part.bytes;
    total.refused += part.refused;
  }
  await completeSweep(deps, { ...plan, ...total });
  return total;
}
