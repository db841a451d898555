import { signal } from '@preact/signals';
import { isH265, playsH265 } from './codec.ts';
import { createFrameSteps } from './frame-steps.ts';
import { openHls, type HlsSession } from './hls-session.ts';
import { watchLostFootage } from './lost-footage.ts';
import type { Phase, Player } from './player-state.ts';
import { firstSegment, loadPlaylist } from './playlist.ts';
import { rangeAround, type Range, type RecordedCamera } from './range.ts';
import { mediaOf, wallEnd, wallOf } from './wall-map.ts';
import { createSkips } from './skips.ts';
import { createStill } from './still.ts';

/** "The latest" starts so far before the end of the footage: a segment of 10 s, its commit and the next look fit in. */
const behindMs = 20_000;
/** Moments are whole ms: without this one that names a frame's start could show the frame before it. */
const pastEdgeSeconds = 0.002;
/** Between two rebuilds after stale links: else a server fault becomes a storm. */
const rebuildAfterMs = 5_000;

interface PlayerOptions {
  video: HTMLVideoElement;
  /** Keeps the last picture while the next range loads. */
  still: HTMLCanvasElement;
  camera: RecordedCamera;
  onSkip: (ms: number) => void;
}

/** Plays any moment of one camera: ranges of two hours, opened as needed, with wall time throughout. */
export function createPlayer({ video, still, camera, onSkip }: PlayerOptions): Player {
  const phase = signal<Phase>('loading');
  const failure = signal<string | null>(null);
  const paused = signal(true);
  const waiting = signal(false);
  const rate = signal(1);
  const sound = signal<'none' | 'off' | 'on'>('none');
  const wallMs = signal<number | null>(null);
  const range = signal<Range | null>(null);
  const following = signal(false);
  const picture = createStill(video, still);
  let session: HlsSession | null = null;
  let opening = 0;
  let rebuiltMs = -rebuildAfterMs;
  /** The moment that is shown, or wanted. */
  let reachedMs: number | null = null;
  let frameSeconds = 1 / 25;
  let wantsPlay = true;
  const steps = createFrameSteps(video);
  const skips = createSkips(video, onSkip);
  const lost = watchLostFootage({
    video,
    lookAgain: rebuild,
    passOver({ fromMs, toMs }) {
      onSkip(toMs - Math.max(fromMs, reachedMs ?? fromMs));
      void open(toMs);
    },
    giveUp: () => finish('failed', 'footage-gone'),
  });

  async function open(atMs: number | null): Promise<void> {
    const mine = ++opening;
    const outdated = () => mine !== opening;
    picture.keep();
    session?.close();
    session = null;
    reachedMs = atMs;
    lost.forget();
    skips.forget();
    steps.forget();
    failure.value = null;
    phase.value = 'loading';
    following.value = atMs === null;
    const asked = rangeAround(camera, atMs);
    if (asked === null) return finish('empty');
    range.value = asked;
    const [playlist, segment] = await Promise.all([loadPlaylist(asked), firstSegment(camera.id, atMs ?? asked.fromMs)]);
    if (outdated() || playlist.kind === 'aborted' || segment.kind === 'aborted') return;
    if (segment.kind === 'problem') return finish('failed', segment.problem.code);
    if (segment.value !== null) {
      frameSeconds = 1 / Math.max(1, segment.value.fps);
      if (segment.value.codec === 'hevc' && !playsH265()) return finish('no-h265');
    }
    if (playlist.kind === 'problem') {
      if (playlist.problem.code !== 'no-footage') return finish('failed', playlist.problem.code);
      if (segment.value === null) return finish('empty');
      return open(Date.parse(segment.value.startAt));
    }
    const { pieces } = playlist.value;
    const endMs = wallEnd(pieces) ?? 0;
    const wantedMs = atMs ?? Math.max(pieces[0]?.wallMs ?? 0, endMs - behindMs);
    if (wantedMs >= endMs && segment.value !== null && Date.parse(segment.value.startAt) > endMs) {
      return open(Date.parse(segment.value.startAt));
    }
    const startPosition = mediaOf(pieces, Math.min(wantedMs, endMs - 200)) ?? 0;
    skips.landed(atMs, wallOf(pieces, startPosition));
    const opened = await openHls({
      video,
      range: asked,
      first: playlist.value,
      startPosition: startPosition + pastEdgeSeconds,
      newestMs: () => camera.newestMs() ?? 0,
      events: {
        onCodec,
        onStale: rebuild,
        onLost: (piece) => lost.found(piece, reachedMs ?? wantedMs),
        onFailure: (code) => finish('failed', code),
      },
    });
    if (outdated()) return opened.close();
    session = opened;
    video.playbackRate = rate.value;
    phase.value = 'ready';
    if (wantsPlay) void startPlaying();
  }

  function finish(end: Phase, code: string | null = null): void {
    failure.value = code;
    phase.value = end;
    waiting.value = false;
    if (end !== 'ready') session?.close();
  }

  function onCodec(codec: string): void {
    finish(isH265(codec) ? 'no-h265' : 'failed', codec);
  }

  /** @returns false when that was done just now */
  function rebuild(): boolean {
    const now = performance.now();
    if (now - rebuiltMs < rebuildAfterMs) return false;
    rebuiltMs = now;
    const { value: isFollowing } = following;
    void open(reachedMs).then(() => {
      following.value = isFollowing;
    });
    return true;
  }

  async function startPlaying(): Promise<void> {
    try {
      await video.play();
    } catch (error) {
      // The browser wants a click first, or the source was changed meanwhile: the play button says so.
      if (error instanceof DOMException) paused.value = video.paused;
      else throw error;
    }
  }

  function onFrame(_now: number, { mediaTime }: VideoFrameCallbackMetadata): void {
    picture.drop();
    waiting.value = false;
    const wall = session === null ? null : wallOf(session.pieces(), mediaTime);
    steps.shown(mediaTime);
    if (wall !== null) {
      skips.shown({ media: mediaTime, wall });
      wallMs.value = reachedMs = wall;
      sound.value = session?.hasSound() === true ? (video.muted ? 'off' : 'on') : 'none';
    }
    handle = video.requestVideoFrameCallback(onFrame);
  }
  let handle = video.requestVideoFrameCallback(onFrame);

  const listeners: [keyof HTMLVideoElementEventMap, () => void][] = [
    ['play', () => (paused.value = false)],
    ['pause', () => (paused.value = true)],
    ['waiting', () => (waiting.value = true)],
    ['playing', () => (waiting.value = false)],
    ['seeking', () => skips.forget()],
    ['ended', goOn],
  ];
  for (const [name, listener] of listeners) video.addEventListener(name, listener);

  /** At the end of a range the next one begins. */
  function goOn(): void {
    const nextMs = session?.continuesAtMs ?? (session?.range.open === false ? session.range.toMs : null);
    if (nextMs !== null) void open(nextMs);
  }

  function seek(atMs: number): void {
    const pieces = session?.pieces() ?? [];
    const endMs = wallEnd(pieces);
    const current = range.peek();
    following.value = false;
    if (
      session === null ||
      lost.isWaiting() ||
      current === null ||
      endMs === null ||
      atMs < current.fromMs ||
      (atMs > endMs && !current.open)
    ) {
      return void open(atMs);
    }
    const target = mediaOf(pieces, Math.min(atMs, endMs - 200));
    if (target === null) return;
    skips.landed(atMs, wallOf(pieces, target));
    skips.forget();
    steps.forget();
    wallMs.value = reachedMs = wallOf(pieces, target);
    video.currentTime = target + pastEdgeSeconds;
  }

  return {
    phase,
    failure,
    paused,
    waiting,
    rate,
    sound,
    wallMs,
    range,
    following,
    open,
    seek,
    toggle() {
      wantsPlay = video.paused;
      if (wantsPlay) {
        void startPlaying();
      } else {
        following.value = false;
        video.pause();
      }
    },
    step(frames) {
      wantsPlay = false;
      following.value = false;
      video.pause();
      steps.step(frames, frameSeconds);
    },
    setRate(next) {
      rate.value = next;
      video.playbackRate = next;
    },
    toggleSound() {
      video.muted = !video.muted;
      sound.value = video.muted ? 'off' : 'on';
    },
    close() {
      opening += 1;
      session?.close();
      steps.close();
      video.cancelVideoFrameCallback(handle);
      for (const [name, listener] of listeners) video.removeEventListener(name, listener);
    },
  };
}
