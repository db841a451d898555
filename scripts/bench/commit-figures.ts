import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { createObjects } from '../../storage/objects.ts';
import type { BenchSystem } from './bench-system.ts';
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
 * Footage that is missing between each camera's first and last segment: holes in the catalogue, and pictures that the
 * objects do not hold (counted by ffprobe, at 30 a second) for one camera.
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
  const missing = await missingPictures(system, ids[0] ?? '');
  return [
    { name: 'footage_lost_ms', value: lostMs + (missing * 1000) / 30, unit: 'ms' },
    { name: 'footage_recorded_s', value: footageMs / 1000, unit: 's' },
  ];
}

async function segmentsOf(system: BenchSystem, id: string): Promise<SegmentAnswer[]> {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date(Date.now() + 60_000).toISOString();
  const path = `/v1/cameras/${id}/segments?from=${from}&to=${to}&limit=1000`;
  return (await system.call<{ items: SegmentAnswer[] }>('GET', path)).items;
}

/** Pictures by duration against pictures in the objects of one camera. */
async function missingPictures(system: BenchSystem, id: string): Promise<number> {
  const objects = createObjects(system.s3);
  let pictures = 0;
  let durationMs = 0;
  try {
    for await (const { key } of objects.list('')) {
      if (!key.includes(`/${id}/`)) continue;
      const path = join(system.dir, 'counted.mp4');
      await pipeline(await objects.read(key), createWriteStream(path));
      pictures += await countPictures(path);
      durationMs += Number(/\/\d+-(\d+)-/.exec(key)?.[1] ?? 0);
    }
  } finally {
    objects.close();
  }
  return Math.max(0, Math.round((durationMs * 30) / 1000) - pictures);
}

async function countPictures(path: string): Promise<number> {
  const args = ['-v', 'error', '-count_packets', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_packets'];
  const child = spawn('ffprobe', [...args, '-of', 'csv=p=0', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await once(child, 'close');
  return Number.parseInt(text, 10);
}
