/** Single steps of a paused picture. */
export interface FrameSteps {
  step(frames: 1 | -1, frameSeconds: number): void;
  /** A frame was presented. @param mediaTime s */
  shown(mediaTime: number): void;
  /** Something else moves the picture now. */
  forget(): void;
  close(): void;
}

/** Within it a presented frame reports itself. */
const reportMs = 200;
const mostCorrections = 3;

/**
 * Steps count on from the frame that the last one asked for, shown yet or not. Chromium at times ends a seek that
 * follows close on another one with that one's picture: asked again, it shows the right one.
 */
export function createFrameSteps(video: HTMLVideoElement): FrameSteps {
  let wanted: { media: number; frameSeconds: number; corrections: number } | null = null;
  let shownMedia: number | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function show({ media, frameSeconds }: { media: number; frameSeconds: number }): void {
    // Half a frame past the edge, so that rounding cannot show the neighbour.
    video.currentTime = media + frameSeconds / 2;
  }

  function correct(): void {
    if (wanted === null || video.seeking || !video.paused || wanted.corrections === mostCorrections) return;
    if (shownMedia !== null && Math.abs(shownMedia - wanted.media) <= wanted.frameSeconds / 2) return;
    wanted.corrections += 1;
    show(wanted);
  }

  function onSeeked(): void {
    clearTimeout(timer);
    if (wanted !== null) timer = setTimeout(correct, reportMs);
  }
  video.addEventListener('seeked', onSeeked);

  function forget(): void {
    wanted = null;
    shownMedia = null;
  }

  return {
    step(frames, frameSeconds) {
      const from = wanted?.media ?? shownMedia ?? video.currentTime;
      wanted = { media: Math.max(0, from + frames * frameSeconds), frameSeconds, corrections: 0 };
      show(wanted);
    },
    shown(mediaTime) {
      shownMedia = mediaTime;
      if (!video.paused) wanted = null;
    },
    forget,
    close() {
      clearTimeout(timer);
      video.removeEventListener('seeked', onSeeked);
    },
  };
}
