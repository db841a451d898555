import { keySeconds, type ProfileSpec, type StreamFacts } from './profile.ts';

export interface ProfileDecision {
  /** `undecided`: the stream may fit, but not all of it is known yet. */
  action: 'copy' | 'encode' | 'undecided';
  /** A sentence for whoever asks why. */
  reason: string;
}

/** Rate control swings: a camera set to 1 Mbit/s sends up to so much more. The check after encoding allows the same. */
export const bitrateTolerance = 1.15;
/** A frame of jitter in a camera's GOP of 4 s. */
const keyToleranceMs = 100;
/** 30 fps of a camera are 30.3 now and then; rates are rounded to whole frames. */
const fpsTolerance = 0.5;

/**
 * Whether a stream is kept as it is under a profile, and why. `auto` copies what fits: an encoder is the scarce part.
 */
export function decideProfile(profile: ProfileSpec, stream: StreamFacts): ProfileDecision {
  if (profile.mode === 'copy')
    return { action: 'copy', reason: 'The profile keeps the stream as the camera sends it.' };
  if (profile.mode === 'encode') return { action: 'encode', reason: 'The profile encodes every stream.' };
  const checks = checksOf(profile, stream);
  const misfits = checks.flatMap((check) => (typeof check === 'string' ? [check] : []));
  if (misfits.length > 0) return { action: 'encode', reason: `Encoded: ${misfits.join('; ')}.` };
  const unknown = checks.flatMap((check) => (check !== null && typeof check === 'object' ? [check.unknown] : []));
  if (unknown.length > 0) {
    return { action: 'undecided', reason: `Fits as far as known; ${unknown.join(' and ')} not measured yet.` };
  }
  return { action: 'copy', reason: `Kept as it is: ${describe(stream)} fits the profile.` };
}

/** Whether a camera's second, smaller stream takes the place of its main one: where it needs no encoder. */
export function preferSubstream(
  profile: ProfileSpec,
  substream: StreamFacts,
): { use: 'substream' | 'main'; reason: string } {
  const { action, reason } = decideProfile({ ...profile, mode: 'auto' }, substream);
  return action === 'encode'
    ? { use: 'main', reason: `The substream does not fit. ${reason}` }
    : { use: 'substream', reason: `The substream needs no encoder. ${reason}` };
}

/** What speaks against a copy, what is not known, or null where it fits. */
function checksOf(profile: ProfileSpec, stream: StreamFacts): (string | { unknown: string } | null)[] {
  const above = (value: number | null, limit: number | null, name: string, tolerated: number, unit: string) => {
    if (limit === null) return null;
    if (value === null) return { unknown: name };
    return value > tolerated ? `its ${name} is ${round(value)} ${unit}, above ${round(limit)}` : null;
  };
  const { height, fps, bitrateKbps } = profile;
  return [
    stream.codec === 'hevc' && profile.hevc !== true ? 'it is H.265, which not every browser plays' : null,
    above(stream.height, height, 'height', height ?? 0, 'pixels'),
    above(stream.fps, fps, 'frame rate', (fps ?? 0) + fpsTolerance, 'a second'),
    above(stream.bitrateKbps, bitrateKbps, 'bitrate', (bitrateKbps ?? 0) * bitrateTolerance, 'kbit/s'),
    above(seconds(stream.keyDistanceMs), keySeconds, 'key distance', keySeconds + keyToleranceMs / 1000, 's'),
    stream.hasBFrames ? 'it has B-frames, which leave a hole at the start of each session' : null,
  ];
}

function describe({ codec, width, height, fps, bitrateKbps }: StreamFacts): string {
  const name = codec === 'h264' ? 'H.264' : 'H.265';
  const rate = fps === null ? '' : ` at ${round(fps)} fps`;
  return `${name} ${width}x${height}${rate}${bitrateKbps === null ? '' : ` and ${Math.round(bitrateKbps)} kbit/s`}`;
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
