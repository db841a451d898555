import { keySampleSha256 } from '../media/key-sample.ts';
import { firstTfdt, readIndex } from '../media/mp4-index.ts';
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
  /** ffmpeg said something. */
  said(line: string): void;
  /** @returns why the run must end; `other-stream` when SDP tells of another codec; null when all is well */
  look(): Promise<Failure | 'other-stream' | null>;
  /** Whether footage has come. */
  hasFrame(): boolean;
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
  const { dir, dialer, now } = options;
  const stall = createStallWatch(dir, now());
  const parameters = createParameterWatch();
  const complaints = createComplaintWatch();
  const rates = createRateWatch(options.maxKbps, performance.now());
  let firstPacketMs: number | null = null;
  let hasFrame = false;
  let lookedMs = 0;

  async function lookAtFile(): Promise<Failure | null> {
    lookedMs = now();
    const growths = stall.growths();
    const quietMs = await stall.quietMs(lookedMs);
    if (stall.growths() !== growths) options.onGrowth();
    if (!hasFrame && (await firstTfdt(stall.openPath())) !== null) {
      const first = await firstKey(stall.openPath());
      if (first !== null) {
        hasFrame = true;
        options.onFirstFrame({ atMs: firstPacketMs ?? lookedMs, ...first });
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
    said: (line) => complaints.line(line, now()),
    hasFrame: () => hasFrame,
    async look() {
      const packetMs = dialer.firstMediaMs();
      if (packetMs !== null && firstPacketMs === null) {
        firstPacketMs = packetMs;
        options.onFirstPacket(packetMs);
      }
      if (!isSameStream(options.expected, describedStream(dialer), options.audio)) return 'other-stream';
      const complaint = complaints.tooMany();
      if (complaint !== null) return { reason: 'bad-stream', detail: complaint };
      const tooMuch = rates.look(dialer.bytes(), performance.now());
      if (tooMuch !== null) return { reason: 'bad-stream', detail: tooMuch, needsPerson: true };
      return hasFrame && now() - lookedMs < lookMs ? null : lookAtFile();
    },
  };
}

/** Null while the first fragment is being written. */
async function firstKey(filePath: string): Promise<Pick<FirstFrame, 'keySha256'> | null> {
  try {
    const [first] = (await readIndex(filePath)).fragments;
    if (first === undefined) return null;
    return { keySha256: first.key ? await keySampleSha256(filePath, first) : null };
  } catch (error) {
    if (isMissingFile(error)) return null; // just finished: the next file is looked at
    throw error;
  }
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
