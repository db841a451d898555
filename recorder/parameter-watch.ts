import { followIndex } from '../media/mp4-index.ts';
import { parameterSetsAt, parameterSetsChangedAt } from '../media/parameter-sets.ts';
import { nullIfNothing } from './index-if-there.ts';

/**
 * A look costs some ten turns of Node's thread pool; a camera's change of size shows within this time. Meanwhile its
 * pictures are recorded all the same, with their parameter sets in the stream.
 */
const lookMs = 4000;

/** Watches a run's open file for pictures that the run's init does not describe. */
export interface ParameterWatch {
  /** Whether the file holds such a picture; looks at most every 4 s. Null: there is nothing in it yet to look at. */
  changed(openPath: string, nowMs: number): Promise<boolean | null>;
}

export function createParameterWatch(): ParameterWatch {
  let lookedMs = 0;
  let known: Buffer[] | null = null;
  /** What of the open file has been looked at; all of it stays as it is. */
  let seen = { openPath: '', fragments: 0, read: followIndex('') };

  async function look(openPath: string, nowMs: number): Promise<boolean | null> {
    if (seen.openPath !== openPath) seen = { openPath, fragments: 0, read: followIndex(openPath) };
    const index = await seen.read().catch(nullIfNothing);
    if (index === null || index.fragments.length === 0) return null;
    lookedMs = nowMs;
    // A camera that describes itself wrongly in SDP would otherwise be restarted for ever.
    known ??= [...index.video.parameterSets, ...(await parameterSetsAt(openPath, index, 0))];
    const from = seen.fragments;
    seen.fragments = index.fragments.length;
    return (await parameterSetsChangedAt(openPath, index, known, from)) !== null;
  }

  return {
    async changed(openPath, nowMs) {
      return nowMs - lookedMs < lookMs ? false : look(openPath, nowMs);
    },
  };
}
