import type { StreamFacts } from '../domain/profile.ts';
import type { Segment } from '../domain/segment.ts';

/** As the rules of windows want it. */
export type RunSegment = Segment & { initSha256: string };

export function flatten(segment: Segment): RunSegment {
  return { ...segment, initSha256: segment.format.initSha256 };
}

/** What the catalogue knows of a run's stream. An entry is a GOP, or some of less than 1.9 s. */
export function factsOf(run: readonly Segment[], hasBFrames: boolean): StreamFacts {
  const format = run[0]?.format ?? { codec: 'h264' as const, width: 0, height: 0 };
  const fps = run.reduce((most, segment) => Math.max(most, segment.format.fps), 0);
  const bytes = run.reduce((sum, segment) => sum + segment.bytes, 0);
  const durationMs = run.reduce((sum, segment) => sum + segment.durationMs, 0);
  return {
    codec: format.codec,
    width: format.width,
    height: format.height,
    fps: fps === 0 ? null : fps,
    bitrateKbps: durationMs === 0 ? null : (bytes * 8) / durationMs,
    keyDistanceMs: run.reduce((most, { entries }) => entries.reduce((long, { ms }) => Math.max(long, ms), most), 0),
    hasBFrames,
  };
}
