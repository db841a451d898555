/** Footage that the playlist names and the server does not have, in ms since 1970. */
export interface LostFootage {
  fromMs: number;
  toMs: number;
}

interface LostFootageOptions {
  video: HTMLVideoElement;
  /** Reads the playlist anew, which may have other footage in its place. @returns false: it was read just now */
  lookAgain: () => boolean;
  /** Goes on behind it. */
  passOver: (lost: LostFootage) => void;
  /** Behind it is nothing else. */
  giveUp: () => void;
}

export interface LostFootageWatch {
  /** @param reachedMs the moment that is shown or wanted */
  found(lost: LostFootage, reachedMs: number): void;
  /** The loader has given up, and what is buffered plays to its end: nothing else can be loaded by this session. */
  isWaiting(): boolean;
  /** Another range or moment is opened. */
  forget(): void;
}

/** Passes over footage that cannot be had, once the pictures before it have been shown: else a spinner stays for ever. */
export function watchLostFootage({ video, lookAgain, passOver, giveUp }: LostFootageOptions): LostFootageWatch {
  let passedFromMs: number | null = null;
  let pass: (() => void) | null = null;
  function forget(): void {
    if (pass !== null) video.removeEventListener('waiting', pass);
    pass = null;
  }
  return {
    found(lost, reachedMs) {
      if (lost.fromMs === passedFromMs) return giveUp();
      if (pass !== null || lookAgain()) return;
      pass = () => {
        forget();
        passedFromMs = lost.fromMs;
        passOver(lost);
      };
      // Where the picture stands at the edge already no event comes. The last one is up to a second before it.
      const edgeMs = video.readyState <= video.HAVE_CURRENT_DATA ? lost.fromMs - 1000 : lost.fromMs;
      if (reachedMs >= edgeMs) pass();
      else video.addEventListener('waiting', pass);
    },
    isWaiting: () => pass !== null,
    forget,
  };
}
