import { saveDecision, undecidedCameras } from '../db/finish-decisions.ts';
import { segmentsToFinish } from '../db/finish-swap.ts';
import type { Db } from '../db/sql.ts';
import { unbrokenRuns } from '../domain/finish-window.ts';
import { decideProfile } from '../domain/profile-decision.ts';
import { factsOf, flatten } from './finish-facts.ts';

/** A window and what is late of it. */
const lookBackMs = 15 * 60_000;
/** Each takes a look at some segments' rows; what is left comes with the next schedule. */
const camerasAtOnce = 100;

/**
 * Shows what profiles will make of cameras that have their first segments, since the first window takes ten minutes to
 * fill; its job then decides by all of it. @param onCamera a sign of life
 */
export async function decideFirst(db: Db, nowMs: number, onCamera: () => void = () => undefined): Promise<void> {
  const range = { fromMs: nowMs - lookBackMs, toMs: nowMs };
  for (const { internalId, profile, variant, hasBFrames } of await undecidedCameras(db, range.fromMs, camerasAtOnce)) {
    const segments = await segmentsToFinish(db, internalId, range, { sourcesOnly: true });
    const newest = unbrokenRuns(segments.map(flatten)).at(-1);
    if (newest === undefined) continue; // finished meanwhile
    const { action, reason } = decideProfile(profile, factsOf(newest, hasBFrames));
    await saveDecision(
      db,
      internalId,
      { variant, action, reason: `Provisional, by its newest segments. ${reason}` },
      true,
    );
    onCamera();
  }
}
