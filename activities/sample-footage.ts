import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { readClocks } from '../db/clock.ts';
import { noteFindings } from '../db/reconcile-findings.ts';
import {
  forgetChecks,
  forgetMended,
  isLive,
  noteCheck,
  sampleRows,
  type CheckVerdict,
  type SampledRow,
} from '../db/segment-checks.ts';
import type { Pool } from '../db/sql.ts';
import { inFlightMs } from '../domain/reconcile.ts';
import { dayMs } from '../domain/retention.ts';
import type { Logger } from '../log.ts';
import { runTool } from '../media/ffmpeg.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import { download } from './download.ts';

export interface SampleFootageActivities {
  /** Reads some footage back: its hash is verified, its first picture decoded. */
  sampleFootage(): Promise<Record<CheckVerdict, number>>;
}

export interface SampleDeps {
  db: Pool;
  objects: Objects;
  log: Logger;
  now: () => number;
  workDir: string;
  /** ffmpeg's path. */
  ffmpeg: string;
  segments: number;
}

const keptMs = 90 * dayMs;
const decodeWithinMs = 60_000;

export function createSampleFootageActivities(deps: SampleDeps): SampleFootageActivities {
  return { sampleFootage: () => sampleFootage(deps, () => Context.current().heartbeat()) };
}

export async function sampleFootage(deps: SampleDeps, beat: () => void): Promise<Record<CheckVerdict, number>> {
  const counts: Record<CheckVerdict, number> = { good: 0, gone: 0, 'wrong-hash': 0, undecodable: 0 };
  const dir = await mkdtemp(join(deps.workDir, 'sample-'));
  try {
    const rows =
      deps.segments === 0 ? [] : await sampleRows(deps.db, { limit: deps.segments, beforeMs: deps.now() - inFlightMs });
    for (const row of rows) {
      beat();
      const checked = await check(deps, row, join(dir, 'object.mp4'));
      if (await note(deps, row, checked)) counts[checked.verdict] += 1;
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  await forgetMended(deps.db, null);
  await forgetChecks(deps.db, (await readClocks(deps.db, deps)).earlierMs - keptMs);
  deps.log.info(counts, 'footage was read back');
  return counts;
}

interface Checked {
  verdict: CheckVerdict;
  detail: string | null;
}

async function check(deps: SampleDeps, row: SampledRow, path: string): Promise<Checked> {
  const file = await download(deps.objects, objectKey(row), path);
  if (file === null) return { verdict: 'gone', detail: null };
  if (file.sha256 !== row.sha256) {
    return { verdict: 'wrong-hash', detail: `${file.bytes} bytes with SHA-256 ${file.sha256}` };
  }
  const args = ['-v', 'error', '-xerror', '-i', path, '-map', '0:v:0', '-frames:v', '1', '-f', 'rawvideo', 'pipe:1'];
  // A picture of 8192 x 8192 in 4:4:4.
  const decoded = await runTool({
    binary: deps.ffmpeg,
    args,
    timeoutMs: decodeWithinMs,
    maxStdoutBytes: 8192 * 8192 * 3,
  });
  if (decoded.cause === 'exit' && decoded.code === 0 && decoded.stdout.length > 0)
    return { verdict: 'good', detail: null };
  // Not the footage's fault.
  if (decoded.cause === 'not-started') throw new Error(`ffmpeg could not be started: ${decoded.stderr.join('; ')}`);
  return { verdict: 'undecodable', detail: decoded.stderr.slice(0, 3).join('; ') || decoded.cause };
}

/** @returns false when the footage was deleted or replaced meanwhile: then the check says nothing */
async function note(deps: SampleDeps, row: SampledRow, { verdict, detail }: Checked): Promise<boolean> {
  const { db, log } = deps;
  const key = objectKey(row);
  const atMs = deps.now();
  if (!(await isLive(db, row))) return false;
  await noteCheck(db, row, { verdict, detail, atMs });
  if (verdict === 'good') {
    await forgetMended(db, key);
    return true;
  }
  const { internalId, cameraId, startMs, durationMs, bytes } = row;
  log.error({ cameraId, key, verdict, detail }, 'stored footage is damaged');
  const finding = { key, internalId, startMs, durationMs, bytes, held: false };
  if (verdict === 'gone') {
    const lost = { ...finding, kind: 'row-without-object', verdict: 'missing', why: 'gone' } as const;
    await noteFindings(db, [lost], { passId: null, atMs });
  } else {
    const why = detail === null ? verdict : `${verdict}: ${detail}`;
    const damaged = { ...finding, kind: 'wrong-bytes', verdict: 'report', why } as const;
    await noteFindings(db, [damaged], { passId: null, atMs, state: 'damaged' });
  }
  return true;
}
