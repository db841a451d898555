import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import type { SweptFootage } from '../activities/sweep-retention.ts';

/** What a shard had deleted when its last try failed: as it says itself, or as its worker said last before it died. */
export function sweptBefore(failure: unknown): SweptFootage {
  const cause = failure instanceof ActivityFailure ? failure.cause : undefined;
  let told: unknown;
  if (cause instanceof ApplicationFailure) [told] = cause.details ?? [];
  if (cause instanceof TimeoutFailure) told = cause.lastHeartbeatDetails;
  const { segments = 0, bytes = 0, refused = 0 } = (told ?? {}) as Partial<SweptFootage>;
  return { segments, bytes, refused };
}
