import { bitrateTolerance } from '../domain/profile-decision.ts';
import { keySeconds, type EncodeTarget } from '../domain/profile.ts';
import { keyDistanceMs, maxPauseSeconds, type Sources } from './join.ts';
import { spanMs, type SegmentIndex } from './mp4-index.ts';

/** Multi-slice H.264 yields samples of parameter sets only, shorter than any frame (200 fps): no picture comes of them. */
const tinySeconds = 0.005;
/** Rate control may spend one buffer (2 s at the asked rate) at the start, which weighs on a short segment. */
const bufferSeconds = 2;

/**
 * What speaks against putting an encoded file in the place of its sources; empty = nothing.
 * Frame count against the sources' time span, duration within a frame, a key first, size, rate and sound as asked,
 * bitrate within 15 % or below.
 */
export function verifyFinal(result: SegmentIndex, sources: Sources, target: EncodeTarget): string[] {
  const [first] = result.fragments;
  if (first === undefined) return ['there is no whole fragment'];
  const problems: string[] = [];
  const expect = (isGood: boolean, text: () => string): void => {
    if (!isGood) problems.push(text());
  };
  const { video } = result;
  expect(result.damage === null && result.wholeBytes <= result.fileBytes, () => `it is damaged: ${result.damage}`);
  expect(first.key, () => 'its first picture is no key');
  expect(!result.reordered, () => 'it has B-frames');
  expect(video.codec === 'h264', () => `it is ${video.codec}, not h264`);
  expect(
    video.width === target.width && video.height === target.height,
    () => `it is ${video.width}x${video.height}, not ${target.width}x${target.height}`,
  );
  expect((result.audioCodec !== null) === (target.audio === 'copy'), () => `its sound is ${result.audioCodec}`);
  problems.push(...frameProblems(result, sources, target));
  const frameMs = 1000 / target.fps;
  const sourceFrameMs = 1000 / (sources.facts.fps ?? target.fps);
  const durationMs = spanMs(result);
  // One frame of the slower cadence, and the millisecond both are rounded to.
  const toleratedMs = Math.max(frameMs, sourceFrameMs) + 1;
  expect(
    Math.abs(durationMs - sources.durationMs) <= toleratedMs,
    () => `it lasts ${durationMs} ms, its sources ${sources.durationMs} ms`,
  );
  const startMs = Math.abs(result.startSeconds - sources.first.startSeconds) * 1000;
  expect(startMs <= toleratedMs, () => `it starts ${Math.round(startMs)} ms beside its sources`);
  const keysMs = keyDistanceMs(result.fragments, result.timescale);
  // A pause of the camera within a GOP is filled where a rate is asked for, else it puts the keys further apart.
  const pauseMs = target.resample ? 0 : maxPauseSeconds * 1000;
  expect(keysMs <= keySeconds * 1000 + pauseMs + toleratedMs, () => `its keys are ${keysMs} ms apart`);
  const allowedBits = target.bitrateKbps * (bitrateTolerance * durationMs + bufferSeconds * 1000) + audioBits(sources);
  expect(result.fileBytes * 8 <= allowedBits, () => {
    const kbps = Math.round((result.fileBytes * 8) / Math.max(1, durationMs));
    return `it takes ${kbps} kbit/s, ${target.bitrateKbps} were asked`;
  });
  return problems;
}

function frameProblems(result: SegmentIndex, sources: Sources, target: EncodeTarget): string[] {
  const frames = framesOf(result);
  if (target.resample) {
    const expected = Math.round((sources.durationMs * target.fps) / 1000);
    const rateIsRight = Math.abs(result.fps - target.fps) < 0.1 || frames < 3;
    return [
      ...(Math.abs(frames - expected) <= 1 ? [] : [`it has ${frames} frames, ${expected} fill its sources' time`]),
      ...(rateIsRight ? [] : [`it has ${result.fps} frames a second, not ${target.fps}`]),
    ];
  }
  // With B-frames a decoder drops those whose references lie before the first key.
  const undecodable = sources.facts.hasBFrames ? 2 : 0;
  const fewest = sources.frames - tinySamples(sources) - undecodable;
  const isGood = frames >= fewest && frames <= sources.frames;
  return isGood ? [] : [`it has ${frames} frames, its sources ${sources.frames}`];
}

/** Video samples. */
export function framesOf(index: Pick<SegmentIndex, 'fragments'>): number {
  return index.fragments.reduce((sum, { samples }) => sum + samples, 0);
}

function tinySamples({ fragments, first }: Sources): number {
  return fragments.filter(({ durationTicks }) => durationTicks < tinySeconds * first.timescale).length;
}

/** Sound is copied and not part of what was asked of the encoder: at most 64 kbit/s of AAC. */
function audioBits(sources: Sources): number {
  return sources.facts.hasAudio ? sources.durationMs * 64 : 0;
}
