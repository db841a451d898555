import { loadAudio, type AudioCodec, type AudioLoop } from './audio.ts';
import type { Fault } from './faults.ts';
import type { LoopOptions } from './loop-arguments.ts';
import { loadLoop, type Loop } from './loop.ts';
import { createSource, type Source } from './source.ts';

/** A stream of a camera. */
export interface StreamOptions extends Partial<LoopOptions> {
  audio?: AudioCodec;
}

/** One path's stream. */
export interface Stream {
  readonly audio: AudioLoop | null;
  /** What it plays, or will play from the next key picture on. */
  loop(): Loop;
  /** The encoder for one more client: with a shared clock always the same. */
  source(): Source;
  /** A client's encoder is no longer needed. */
  release(source: Source): void;
  change(loop: Loop): void;
  stop(): void;
}

function createStream(firstLoop: Loop, audio: AudioLoop | null, clock: { shared: boolean; ms: () => number }): Stream {
  let loop = firstLoop;
  const running = new Set<Source>();

  return {
    audio,
    loop: () => loop,
    source() {
      const [shared] = running;
      if (clock.shared && shared !== undefined) return shared;
      const source = createSource(loop, audio, clock.ms);
      running.add(source);
      return source;
    },
    release(source) {
      if (clock.shared) return; // the clock goes on without clients
      source.stop();
      running.delete(source);
    },
    change(other) {
      loop = other;
      for (const source of running) source.changeLoop(other);
    },
    stop() {
      for (const source of running) source.stop();
    },
  };
}

/** Loads what is needed for these streams; a path with a fault but no stream of its own has the first stream. */
export async function loadStreams(options: {
  streams: Record<string, StreamOptions>;
  faults: Record<string, Fault>;
  clock: { shared: boolean; ms: () => number };
  ffmpeg: string;
}): Promise<Map<string, Stream>> {
  const { streams, faults, clock, ffmpeg } = options;
  const first = Object.values(streams)[0] ?? {};
  const faulty = Object.fromEntries(
    Object.keys(faults)
      .filter((path) => path !== '*')
      .map((path) => [path, first]),
  );
  const loaded = new Map<string, Stream>();
  for (const [path, { audio, ...loop }] of Object.entries({ ...faulty, ...streams })) {
    const tone = audio === undefined ? null : await loadAudio(audio, ffmpeg);
    loaded.set(path, createStream(await loadLoop(loop, ffmpeg), tone, clock));
  }
  return loaded;
}
