import type { ReadonlySignal } from '@preact/signals';
import type { Range } from './range.ts';

/** `empty`: no footage from there on; `no-h265`: this browser cannot decode it. */
export type Phase = 'loading' | 'ready' | 'empty' | 'no-h265' | 'failed';

export interface Player {
  phase: ReadonlySignal<Phase>;
  /** Code of what failed, for support. */
  failure: ReadonlySignal<string | null>;
  paused: ReadonlySignal<boolean>;
  /** The picture waits for data. */
  waiting: ReadonlySignal<boolean>;
  rate: ReadonlySignal<number>;
  sound: ReadonlySignal<'none' | 'off' | 'on'>;
  /** Wall time of the picture that is shown. */
  wallMs: ReadonlySignal<number | null>;
  range: ReadonlySignal<Range | null>;
  /** Plays on with the newest footage; ends with any jump or pause. */
  following: ReadonlySignal<boolean>;
  /** Shows a moment; null: the latest footage, and goes on with it. */
  open(atMs: number | null): Promise<void>;
  seek(atMs: number): void;
  toggle(): void;
  /** Shows the next (1) or previous (-1) frame. */
  step(frames: 1 | -1): void;
  setRate(rate: number): void;
  toggleSound(): void;
  close(): void;
}
