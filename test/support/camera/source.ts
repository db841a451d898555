import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { AudioLoop } from './audio.ts';
import type { AccessUnit, Loop } from './loop.ts';
import type { Packets } from './packets.ts';

/** A picture as it leaves the encoder. */
export interface LivePicture {
  unit: AccessUnit;
  loop: Loop;
  /** The picture's counter, counted on across repetitions of the loop. */
  index: number;
  /** RTP timestamp, 90 kHz. */
  timestamp: number;
}

export interface LiveAudio {
  packets: Packets;
  timestamp: number;
}

export interface Listener {
  picture(picture: LivePicture): void;
  audio(audio: LiveAudio): void;
}

/** One running encoder: a loop repeated in real time, for one client or, with one clock, for all. */
export interface Source {
  /** The loop it plays now. */
  loop(): Loop;
  listen(listener: Listener): void;
  unlisten(listener: Listener): void;
  /** RTP time now, of the video and of the audio clock. */
  timestamps(): { video: number; audio: number };
  /** Plays another loop from the next key picture on; its RTP clock goes on. */
  changeLoop(loop: Loop): void;
  stop(): void;
}

const videoRate = 90_000;
const wrap = (timestamp: number): number => ((timestamp % 2 ** 32) + 2 ** 32) % 2 ** 32;

/**
 * Pictures are due by the monotonic clock at whole frame times after the start, so that delays never add up.
 * The timer runs only while somebody listens; the position runs always, as in a camera.
 * @param clockMs how far the camera's clock has been moved by hand
 */
export function createSource(firstLoop: Loop, audio: AudioLoop | null, clockMs: () => number): Source {
  let loop = firstLoop;
  let pending: Loop | null = null;
  const startedAtMs = performance.now();
  let loopStartedAtMs = startedAtMs;
  let loopTimestamp = randomInt(2 ** 32);
  const audioBase = randomInt(2 ** 32);
  let next = 0;
  let nextAudio = 0;
  const listeners = new Set<Listener>();
  let timer: NodeJS.Timeout | null = null;

  const dueMs = (index: number): number => loopStartedAtMs + (index * 1000) / loop.options.fps;
  const audioPacketMs = audio === null ? Infinity : (audio.samplesPerPacket * 1000) / audio.sampleRate;
  const audioDueMs = (): number => (audio === null ? Infinity : startedAtMs + nextAudio * audioPacketMs);
  const ticksAhead = (rate: number): number => Math.round((clockMs() * rate) / 1000);

  function sendPicture(): void {
    let unit = loop.units[next % loop.units.length];
    if (pending !== null && unit?.key === true) {
      const dueNowMs = dueMs(next);
      loopTimestamp += (next * videoRate) / loop.options.fps;
      [loop, pending, next, loopStartedAtMs] = [pending, null, 0, dueNowMs];
      unit = loop.units[0];
    }
    if (unit === undefined) throw new Error('an empty loop');
    const index = Math.floor(next / loop.units.length) * loop.units.length + unit.counter;
    const timestamp = wrap(loopTimestamp + (index * videoRate) / loop.options.fps + ticksAhead(videoRate));
    next += 1;
    for (const listener of listeners) listener.picture({ unit, loop, index, timestamp });
  }

  function sendAudio(): void {
    const packets = audio?.packets[nextAudio % audio.packets.length];
    if (audio === null || packets === undefined) return;
    const timestamp = wrap(audioBase + nextAudio * audio.samplesPerPacket + ticksAhead(audio.sampleRate));
    nextAudio += 1;
    for (const listener of listeners) listener.audio({ packets, timestamp });
  }

  function tick(): void {
    while (listeners.size > 0 && dueMs(next) <= performance.now()) sendPicture();
    while (listeners.size > 0 && audioDueMs() <= performance.now()) sendAudio();
    timer = null;
    if (listeners.size === 0) return;
    const waitMs = Math.min(dueMs(next), audioDueMs()) - performance.now();
    timer = setTimeout(tick, Math.max(waitMs, 0));
  }

  return {
    loop: () => loop,
    listen(listener) {
      listeners.add(listener);
      if (timer !== null) return;
      const nowMs = performance.now();
      next = Math.max(next, Math.round(((nowMs - loopStartedAtMs) * loop.options.fps) / 1000));
      if (audio !== null) nextAudio = Math.max(nextAudio, Math.round((nowMs - startedAtMs) / audioPacketMs));
      timer = setTimeout(tick, 0);
    },
    unlisten(listener) {
      listeners.delete(listener);
    },
    timestamps() {
      const nowMs = performance.now();
      const audioTicks = ((nowMs - startedAtMs) * (audio?.sampleRate ?? 8000)) / 1000;
      return {
        video: wrap(Math.round(loopTimestamp + (nowMs - loopStartedAtMs) * 90 + ticksAhead(videoRate))),
        audio: wrap(Math.round(audioBase + audioTicks + ticksAhead(audio?.sampleRate ?? 8000))),
      };
    },
    changeLoop(other) {
      pending = other;
    },
    stop() {
      listeners.clear();
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
