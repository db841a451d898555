import type { Socket } from 'node:net';
import { onNextBeat } from './beat.ts';

/** Reads one socket for another, and stops reading while anything asks it to: bounds the memory in between. */
export interface Pump {
  /** Writes to the target; when its buffer is full, the source is paused until it has drained. */
  write(bytes: Buffer): void;
  /** Pauses the source for this long (bandwidth). */
  pauseFor(ms: number): void;
  /** Pauses the source until the next beat, so that packets gather. */
  gather(): void;
  /** Since when the source is read without a pause (monotonic ms), or null while it is paused. */
  readingSinceMs(): number | null;
  stop(): void;
}

/** @param nowMs monotonic */
export function createPump(source: Socket, target: Socket, nowMs: () => number): Pump {
  let isFull = false;
  let isGathering = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | null = null;
  let sinceMs: number | null = nowMs();

  function update(): void {
    const isPaused = isFull || isGathering || timer !== null;
    if (isPaused && sinceMs !== null) {
      sinceMs = null;
      source.pause();
    } else if (!isPaused && sinceMs === null) {
      sinceMs = nowMs();
      source.resume();
    }
  }
  function onDrain(): void {
    isFull = false;
    update();
  }
  target.on('drain', onDrain);
  function onBeat(): void {
    if (isStopped) return;
    isGathering = false;
    update();
  }

  return {
    write(bytes) {
      if (!target.writable) return;
      if (!target.write(bytes)) {
        isFull = true;
        update();
      }
    },
    pauseFor(ms) {
      if (timer !== null) return;
      timer = setTimeout(() => {
        timer = null;
        update();
      }, ms);
      update();
    },
    gather() {
      if (isGathering) return;
      isGathering = true;
      onNextBeat(onBeat);
      update();
    },
    readingSinceMs: () => sinceMs,
    stop() {
      isStopped = true;
      target.off('drain', onDrain);
      if (timer !== null) clearTimeout(timer);
    },
  };
}
