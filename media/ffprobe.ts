import { z } from 'zod';
import type { GapReason } from '../domain/gap-reason.ts';
import { AppError } from '../errors.ts';
import { probeArguments } from './ffmpeg-arguments.ts';
import { classifyStderr } from './ffmpeg-errors.ts';
import { runTool } from './ffmpeg.ts';

/** What a camera sends, as ffprobe sees it. */
export interface StreamInfo {
  codec: 'h264' | 'hevc';
  width: number;
  height: number;
  /** Null where the camera's stream does not tell. */
  fps: number | null;
  /** FFmpeg's name; null = no audio. */
  audioCodec: string | null;
  bitrateKbps: number | null;
  hasBFrames: boolean;
}

/** After ffprobe's own stall limit (twice the timeout) it is ended. */
const graceMs = 2000;

const rate = z.string().transform((text) => {
  const [numerator = Number.NaN, denominator = 1] = text.split('/').map(Number);
  const value = numerator / denominator;
  return Number.isFinite(value) && value > 0 ? Math.round(value * 1000) / 1000 : null;
});

const probeOutput = z.object({
  streams: z.array(
    z.object({
      codec_type: z.string().optional(),
      codec_name: z.string().optional(),
      width: z.number().int().optional(),
      height: z.number().int().optional(),
      has_b_frames: z.number().int().optional(),
      avg_frame_rate: rate.optional(),
      r_frame_rate: rate.optional(),
      bit_rate: z.coerce.number().optional(),
    }),
  ),
});

/**
 * Describes a camera's stream through the dialer.
 * @param options.url the dialer's address, without login
 * @param options.timeoutMs for the camera to answer; the whole takes at most twice this and 2 s
 * @throws AppError 'camera-probe-failed' with details {reason, line}
 */
export async function probeStream(options: {
  binary: string;
  url: string;
  timeoutMs: number;
  signal?: AbortSignal;
}): Promise<StreamInfo> {
  const { binary, url, timeoutMs, signal } = options;
  const result = await runTool({
    binary,
    args: probeArguments({ url, timeoutMs }),
    timeoutMs: timeoutMs * 2 + graceMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.cause === 'timeout') throw probeFailure('no-media', 'no answer in time');
  if (result.cause === 'not-started') throw new Error(`ffprobe could not be started: ${result.stderr.join('; ')}`);
  if (result.cause === 'aborted') throw probeFailure('operator', 'the probe was called off');
  if (result.cause !== 'exit' || result.code !== 0) {
    const failure = classifyStderr(result.stderr);
    throw probeFailure(failure?.reason ?? 'closed', failure?.line ?? result.stderr.at(-1) ?? 'the stream ended');
  }
  return parseProbe(result.stdout.toString('utf8'));
}

/** Reads ffprobe's JSON. @throws AppError 'camera-probe-failed' where it holds no video we can record */
export function parseProbe(json: string): StreamInfo {
  let output: unknown;
  try {
    output = JSON.parse(json);
  } catch (cause) {
    throw probeFailure('bad-stream', 'ffprobe gave no JSON', cause);
  }
  const parsed = probeOutput.safeParse(output);
  if (!parsed.success) throw probeFailure('bad-stream', 'ffprobe gave an unknown description', parsed.error);
  const video = parsed.data.streams.find((stream) => stream.codec_type === 'video');
  const audio = parsed.data.streams.find((stream) => stream.codec_type === 'audio');
  if (video === undefined) throw probeFailure('no-media', 'the camera sends no video');
  const codec = video.codec_name;
  if (codec !== 'h264' && codec !== 'hevc') {
    throw probeFailure(
      'bad-stream',
      `the camera sends ${codec ?? 'an unknown codec'}; only H.264 and H.265 are recorded`,
    );
  }
  const { width = 0, height = 0 } = video;
  if (width === 0 || height === 0) throw probeFailure('no-media', 'no picture came in time');
  const { bit_rate: bitrate } = video;
  return {
    codec,
    width,
    height,
    fps: video.avg_frame_rate ?? video.r_frame_rate ?? null,
    audioCodec: audio?.codec_name ?? null,
    bitrateKbps: bitrate === undefined || !Number.isFinite(bitrate) ? null : Math.round(bitrate / 1000),
    hasBFrames: (video.has_b_frames ?? 0) > 0,
  };
}

function probeFailure(reason: GapReason, line: string, cause?: unknown): AppError {
  return new AppError('camera-probe-failed', `The camera's stream could not be read: ${line}`, {
    details: { reason, line },
    ...(cause === undefined ? {} : { cause }),
  });
}
