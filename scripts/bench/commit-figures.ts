import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { framesInBucket } from '../../test/support/archive.ts';
import { benchLoop, type BenchSystem } from './bench-system.ts';
import { quantile } from './figure.ts';

interface NamedFigure {
  name: string;
  value: number;
  unit: string;
}

const logLine = z.object({ time: z.number(), msg: z.literal('closed file done'), commitMs: z.number() });

/** How long closed files took to be catalogued, from the recorder's own log. */
export function commitLatencies(system: BenchSystem, startMs: number, endMs: number): NamedFigure[] {
  const lines = readFileSync(join(system.dir, 'recorder.log'), 'utf8').split('\n');
  const latencies = lines.flatMap((line) => {
    if (!line.includes('closed file done')) return [];
    const { time, commitMs } = logLine.parse(JSON.parse(line));
    return time >= startMs && time <= endMs ? [commitMs] : [];
  });
  return [
    { name: 'commit_p50_ms', value: quantile(latencies, 0.5), unit: 'ms' },
    { name: 'commit_p99_ms', value: quantile(latencies, 0.99), unit: 'ms' },
    { name: 'commits', value: latencies.length, unit: 'segments' },
  ];
}

interface SegmentAnswer {
  startAt: string;
  durationMs: number;
}

/**
 * Footage that is missing between each camera's first and last segment: holes in the catalogue, and for one camera the
 * pictures whose burnt-in counter stands in none of its objects.
 */
export async function footageLost(system: BenchSystem, ids: string[]): Promise<NamedFigure[]> {
  let lostMs = 0;
  let footageMs = 0;
  for (const id of ids) {
    const segments = await segmentsOf(system, id);
    for (const [place, segment] of segments.entries()) {
      footageMs += segment.durationMs;
      const next = segments[place + 1];
      if (next === undefined) continue;
      lostMs += Math.max(0, Date.parse(next.startAt) - Date.parse(segment.startAt) - segment.durationMs);
    }
  }
  const { missing } = await framesInBucket(system.s3, ids[0] ?? '', benchLoop.frames);
  return [
    { name: 'footage_lost_ms', value: lostMs + (missing.length * 1000) / benchLoop.fps, unit: 'ms' },
    { name: 'footage_recorded_s', value: footageMs / 1000, unit: 's' },
  ];
}

async function segmentsOf(system: BenchSystem, id: string): Promise<SegmentAnswer[]> {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date(Date.now() + 60_000).toISOString();
  const path = `/v1/cameras/${id}/segments?from=${from}&to=${to}&limit=1000`;
  return (await system.call<{ items: SegmentAnswer[] }>('GET', path)).items;
}
