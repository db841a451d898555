import path from 'node:path';
import { keySampleSha256 } from '../media/key-sample.ts';
import { firstTfdt, readIndex, type SegmentIndex } from '../media/mp4-index.ts';
import { createComplaintWatch } from './complaint-watch.ts';
import type { Dialer } from './dialer/dialer.ts';
import { isMissingFile } from './error-code.ts';
import type { Failure } from './failure.ts';
import type { Assignment } from './journal.ts';
import { createParameterWatch } from './parameter-watch.ts';
import { createRateWatch } from './rate-watch.ts';
import { createStallWatch, stallLimitMs } from './stall-watch.ts';

/**
 * The open file is looked at this often once it grows. Growth comes each second, but 20 s without it is what counts, and
 * turns of Node's thread pool for looks at files were a third of what recording costs in Node.
 */
const lookMs = 4000;
/**
 * A file that has just begun shows nothing for up to a second. Looked at 4 s later only, files of 2 s would be met at the
 * same moment again and again.
 */
const lookAgainMs = 500;

/**
 * Sound that has not come so long after the first picture does not come. ffmpeg looks at sound for 5 s before it writes
 * anything, and what it looks at is lost when it is ended by then.
 */
const soundLimitMs = 10_000;
/** Browsers show no picture past the end of the sound that goes with it; a door phone's pauses are shorter. */
const soundPauseMs = 20_000;

/** A file that was listed is closed within that, unless it is no footage. */
const closingMs = 5000;

/** The beginning of a run's footage. */
export interface FirstFrame {
  atMs: number;
  /** SHA-256 (hex) of its first key sample; null = not known. */
  keySha256: string | null;
}

/** Looks at one running ffmpeg from all sides: first packet, first frame, growth, codec, parameter sets, complaints. */
export interface RunWatch {
  /** ffmpeg listed a finished file. */
  listed(file: string): void;
  /** A file has its place in `closed/`. */
  closed(filePath: string, index: SegmentIndex): void;
  /** ffmpeg said something. */
  said(line: string): void;
  /**
   * @returns why the run must end; `other-stream` when SDP tells of another codec, `no-sound` when it tells of sound that
   * does not come, or no more; null when all is well
   */
  look(): Promise<Failure | 'other-stream' | 'no-sound' | null>;
  /** Whether footage has come. */
  hasFrame(): boolean;
  /** The first key of the first file that was closed, where that was needed; null = not known. */
  closedKey(): Promise<string | null>;
}

export function createRunWatch(options: {
  dir: string;
  dialer: Dialer;
  expected: NonNullable<Assignment['stream']>;
  audio: Assignment['audio'];
  maxKbps: number;
  now: () => number;
  onFirstPacket: (atMs: number) => void;
  onFirstFrame: (first: FirstFrame) => void;
  onGrowth: () => void;
}): RunWatch {
  const { dir, dialer } = options;
  // But for the first frame's own time: a clock that is set must not switch off what watches.
  const nowMs = (): number => performance.now();
  const stall = createStallWatch(dir, nowMs());
  const parameters = createParameterWatch();
  const complaints = createComplaintWatch();
  const rates = createRateWatch(options.maxKbps, nowMs());
  let firstPacketMs: number | null = null;
  let soundDueMs = Infinity;
  let hasFrame = false;
  let lookedMs = 0;
  let closedKey: Promise<string | null> | null = null;
  let goneMs: number | null = null;

  /**
   * On a busy host the first file may be finished before anybody looks. Another recording is cut at this key, so that
   * of the next file would double all that lies between.
   */
  async function beginning(): Promise<Pick<FirstFrame, 'keySha256'> | null> {
    if (closedKey !== null) return { keySha256: await closedKey };
    const firstPath = path.join(dir, '0.mp4');
    const first = await firstKey(firstPath);
    if (first !== null || stall.openPath() === firstPath) return first;
    goneMs ??= nowMs();
    return nowMs() - goneMs < closingMs ? null : firstKey(stall.openPath());
  }

  function isSilent(): boolean {
    const agoMs = dialer.soundAgoMs();
    return agoMs === null ? nowMs() > soundDueMs : agoMs > soundPauseMs;
  }

  async function lookAtFile(): Promise<Failure | null> {
    lookedMs = nowMs();
    const growths = stall.growths();
    const quietMs = await stall.quietMs(lookedMs);
    if (stall.growths() !== growths) options.onGrowth();
    if (!hasFrame) {
      const first = await beginning();
      if (first !== null) {
        hasFrame = true;
        options.onFirstFrame({ atMs: firstPacketMs ?? options.now(), ...first });
      }
    }
    if (quietMs > stallLimitMs) {
      const seconds = Math.round(quietMs / 1000);
      return hasFrame
        ? { reason: 'stalled', detail: `No new fragment for ${seconds} s.` }
        : { reason: 'no-media', detail: `No picture within ${seconds} s.` };
    }
    const changed = hasFrame && (await parameters.changed(stall.openPath(), lookedMs));
    if (changed === null) lookedMs += lookAgainMs - lookMs;
    if (changed === true) {
      return { reason: 'bad-stream', detail: 'The camera changed its parameter sets (size or profile).' };
    }
    return null;
  }

  return {
    listed: (file) => stall.listed(file),
    closed(filePath, index) {
      if (hasFrame || closedKey !== null) return;
      closedKey = keyOf(filePath, index).catch((error: unknown) => {
        if (isMissingFile(error)) return null; // committed meanwhile
        throw error;
      });
      closedKey.catch(() => undefined); // whoever awaits it hears of it
    },
    closedKey: () => closedKey ?? Promise.resolve(null),
    said: (line) => complaints.line(line, nowMs()),
    hasFrame: () => hasFrame,
    async look() {
      const packetMs = dialer.firstMediaMs();
      if (packetMs !== null && firstPacketMs === null) {
        firstPacketMs = packetMs;
        soundDueMs = nowMs() + soundLimitMs;
        options.onFirstPacket(packetMs);
      }
      const described = describedStream(dialer);
      if (!isSameStream(options.expected, described, options.audio)) return 'other-stream';
      const hasSound = options.audio !== 'none' && (described?.audioCodec ?? null) !== null;
      if (hasSound && isSilent()) return 'no-sound';
      const complaint = complaints.tooMany();
      if (complaint !== null) return { reason: 'bad-stream', detail: complaint };
      const tooMuch = rates.look(dialer.bytes(), nowMs());
      if (tooMuch !== null) return { reason: 'bad-stream', detail: tooMuch, needsPerson: true };
      return hasFrame && nowMs() - lookedMs < lookMs ? null : lookAtFile();
    },
  };
}

/** Null while the first fragment is being written, and for a file that is not there. */
async function firstKey(filePath: string): Promise<Pick<FirstFrame, 'keySha256'> | null> {
  try {
    if ((await firstTfdt(filePath)) === null) return null;
    const index = await readIndex(filePath);
    return index.fragments.length === 0 ? null : { keySha256: await keyOf(filePath, index) };
  } catch (error) {
    if (isMissingFile(error)) return null; // just closed
    throw error;
  }
}

/** The first key of a file; null where it does not start with one. */
async function keyOf(filePath: string, { fragments: [first] }: SegmentIndex): Promise<string | null> {
  return first?.key === true ? keySampleSha256(filePath, first) : null;
}

/** What SDP says; null before it, or where it offers no video that can be recorded. */
export function describedStream(dialer: Dialer): Assignment['stream'] {
  const description = dialer.description();
  return description === null || description.video === null
    ? null
    : { codec: description.video, audioCodec: description.audio };
}

/** Whether ffmpeg's arguments fit what the camera describes. */
function isSameStream(
  expected: NonNullable<Assignment['stream']>,
  described: Assignment['stream'],
  audio: Assignment['audio'],
): boolean {
  if (described === null) return true;
  if (described.codec !== expected.codec) return false;
  return audio === 'none' || described.audioCodec === expected.audioCodec;
}
