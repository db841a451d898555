import type { Fault } from './faults.ts';
import type { LoopOptions } from './loop-arguments.ts';

/** The faults that happen to the camera itself some time after the first PLAY on a path: each once. */
export interface TimedFaults {
  start(path: string, fault: Fault, changeStream: (to: Partial<LoopOptions>, path: string) => Promise<void>): void;
  stop(): void;
}

export function createTimedFaults(camera: { jump: (ms: number) => void }): TimedFaults {
  const started = new Set<Fault>();
  const timers = new Set<NodeJS.Timeout>();

  function after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  }

  return {
    start(path, fault, changeStream) {
      if (started.has(fault)) return;
      started.add(fault);
      const { clockJumpMs, clockJumpAfterMs = 0, changeTo, changeAfterMs = 0 } = fault;
      if (clockJumpMs !== undefined) after(clockJumpAfterMs, () => camera.jump(clockJumpMs));
      if (changeTo !== undefined) after(changeAfterMs, () => void changeStream(changeTo, path));
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
