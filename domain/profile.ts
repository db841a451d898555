export const profileModes = ['auto', 'copy', 'encode'] as const;
export type ProfileMode = (typeof profileModes)[number];

/** What is kept of a camera's stream; null = as the camera sends it. */
export interface ProfileSpec {
  mode: ProfileMode;
  /** Pixels. An upper bound: nothing is ever scaled up, and the width follows the picture's shape. */
  height: number | null;
  /** Frames per second. An upper bound: no frame is made up to reach it. */
  fps: number | null;
  bitrateKbps: number | null;
  audio: 'none' | 'aac';
  /** H.265 may stay H.265, though not every browser plays it; default no. */
  hevc?: boolean;
}

/** What is known of a stream; null = not yet. */
export interface StreamFacts {
  codec: 'h264' | 'hevc';
  width: number;
  height: number;
  fps: number | null;
  bitrateKbps: number | null;
  /** The longest time between two key pictures. */
  keyDistanceMs: number | null;
  hasBFrames: boolean;
}

/** What an encoder is to make of a stream. */
export interface EncodeTarget {
  /** Even, as H.264 4:2:0 needs. */
  width: number;
  height: number;
  /** Frames per second of the result. */
  fps: number;
  /** False: every source frame is kept with its own time, so that a variable rate stays one. */
  resample: boolean;
  bitrateKbps: number;
  audio: 'none' | 'copy';
}

/** Entries of a playlist are whole GOPs: seeking and single pictures want them short, the bitrate wants them long. */
export const keySeconds = 4;
/** H.264's smallest sensible budget: below it even a still 720p picture breaks up. */
const minBitrateKbps = 64;
/** A stream whose rate nobody could tell. */
const assumedFps = 25;

/** What this profile makes of this stream. */
export function encodeTarget(profile: ProfileSpec, stream: StreamFacts & { hasAudio: boolean }): EncodeTarget {
  const { width, height } = fitSize(stream, profile.height);
  const sourceFps = stream.fps ?? assumedFps;
  const resample = profile.fps !== null && (stream.fps === null || stream.fps > profile.fps);
  const fps = resample && profile.fps !== null ? profile.fps : sourceFps;
  const wantedKbps = profile.bitrateKbps ?? usualBitrateKbps(width, height, fps);
  return {
    width,
    height,
    fps,
    resample,
    // More than the source had buys nothing, H.265's half as many bits excepted.
    bitrateKbps: Math.max(minBitrateKbps, Math.min(wantedKbps, sourceBudgetKbps(stream) ?? wantedKbps)),
    audio: profile.audio === 'aac' && stream.hasAudio ? 'copy' : 'none',
  };
}

/** The size with its shape kept, at most `maxHeight` high, never larger than the source, both sides even. */
export function fitSize(
  source: { width: number; height: number },
  maxHeight: number | null,
): { width: number; height: number } {
  const height = Math.min(evenBelow(source.height), maxHeight === null ? Infinity : evenBelow(maxHeight));
  if (height === evenBelow(source.height)) return { width: evenBelow(source.width), height };
  const width = Math.round((source.width * height) / source.height / 2) * 2;
  return { width: Math.max(2, width), height };
}

/**
 * A bitrate for profiles that name none: 1 Mbit/s for 720p at 10 fps, in proportion to the pixels, and twice as much
 * for three times the frames, which differ less from each other.
 */
export function usualBitrateKbps(width: number, height: number, fps: number): number {
  return Math.round(1000 * ((width * height) / (1280 * 720)) * (fps / 10) ** 0.63);
}

function sourceBudgetKbps(stream: StreamFacts): number | null {
  if (stream.bitrateKbps === null) return null;
  return stream.codec === 'hevc' ? stream.bitrateKbps * 2 : stream.bitrateKbps;
}

function evenBelow(pixels: number): number {
  return Math.max(2, Math.floor(pixels / 2) * 2);
}
