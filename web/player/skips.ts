/** A jump of the wall clock against the media clock by more than this is a gap without footage. */
const skipFromMs = 1_000;

/** Says what is left out where there is no footage. */
export interface Skips {
  /** A jump to a moment shows another one. */
  landed(askedMs: number | null, landedMs: number | null): void;
  /** A frame was presented, at `media` s. */
  shown(frame: { media: number; wall: number }): void;
  /** The next frame does not follow the last one. */
  forget(): void;
}

export function createSkips(video: HTMLVideoElement, onSkip: (ms: number) => void): Skips {
  let last: { media: number; wall: number } | null = null;
  return {
    landed(askedMs, landedMs) {
      if (askedMs !== null && landedMs !== null && landedMs - askedMs > skipFromMs) onSkip(landedMs - askedMs);
    },
    shown(frame) {
      const jumped = last === null || video.seeking ? 0 : frame.wall - last.wall - (frame.media - last.media) * 1000;
      if (jumped > skipFromMs) onSkip(jumped);
      last = frame;
    },
    forget() {
      last = null;
    },
  };
}
