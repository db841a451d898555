import type { Assignment } from './journal.ts';
import { steadyNowMs } from './steady-clock.ts';

/** So long a camera is recorded without the sound that failed; after that its next connection tries it again. */
const withoutMs = 600_000;

/** What is kept of a camera's sound: pictures are recorded whatever that does. */
export interface KeptSound {
  /** For the next connection. */
  audio(stream: NonNullable<Assignment['stream']>): Assignment['audio'];
  /** It has just kept pictures from being recorded, or there is none. */
  failed(): void;
}

export function createKeptSound(wanted: () => Assignment['audio']): KeptSound {
  let failedMs = -Infinity;
  return {
    // ffmpeg ends at once for a codec that it does not know.
    audio: ({ audioCodec }) => (audioCodec === 'unknown' || steadyNowMs() - failedMs < withoutMs ? 'none' : wanted()),
    failed() {
      failedMs = steadyNowMs();
    },
  };
}
