import { firstTfdt } from '../media/mp4-index.ts';
import { createComplaintWatch } from './complaint-watch.ts';
import type { Dialer } from './dialer/dialer.ts';
import type { Failure } from './failure.ts';
import type { Assignment } from './journal.ts';
import { createParameterWatch } from './parameter-watch.ts';
import { createStallWatch, stallLimitMs } from './stall-watch.ts';

/** The open file is looked at this often once it grows: growth comes each second. */
const lookMs = 1000;

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
  now: () => number;
  onFirstPacket: (atMs: number) => void;
  onFirstFrame: (atMs: number) => void;
  onGrowth: () => void;
}): RunWatch {
  const { dir, dialer, now } = options;
  const stall = createStallWatch(dir, now());
  const parameters = createParameterWatch();
  const complaints = createComplaintWatch();
  let firstPacketMs: number | null = null;
  let hasFrame = false;
  let lookedMs = 0;

  async function lookAtFile(): Promise<Failure | null> {
    lookedMs = now();
    const growths = stall.growths();
    const quietMs = await stall.quietMs(lookedMs);
    if (stall.growths() !== growths) options.onGrowth();
    if (!hasFrame && (await firstTfdt(stall.openPath())) !== null) {
      hasFrame = true;
      options.onFirstFrame(firstPacketMs ?? lookedMs);
    }
    if (quietMs > stallLimitMs) {
      const seconds = Math.round(quietMs / 1000);
      return hasFrame
        ? { reason: 'stalled', detail: `No new fragment for ${seconds} s.` }
        : { reason: 'no-media', detail: `No picture within ${seconds} s.` };
    }
    if (hasFrame && (await parameters.changed(stall.openPath(), lookedMs))) {
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
      return hasFrame && now() - lookedMs < lookMs ? null : lookAtFile();
    },
  };
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
