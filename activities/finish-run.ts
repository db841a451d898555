import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { readClocks } from '../db/clock.ts';
import { commitHeldFinal, reserveKey, StaleSwapError, swapInFinal, type WindowWork } from '../db/finish-swap.ts';
import type { WindowRef } from '../db/finish-windows.ts';
import { transaction, type Pool } from '../db/sql.ts';
import { onWallTime, type SourceSpan } from '../domain/final-entries.ts';
import { entriesOf, type Entry, type Segment, type StreamFormat } from '../domain/segment.ts';
import { EncodeError } from '../media/encode-errors.ts';
import type { EncodeResult } from '../media/encode-file.ts';
import type { EncodeJob } from '../media/encoders.ts';
import { inspectSources, joinFile, type Sources } from '../media/join.ts';
import { streamFormatOf } from '../media/mp4-index.ts';
import { verifyJoined } from '../media/verify-joined.ts';
import { hashFile } from '../recorder/commit.ts';
import type { Failpoint } from '../recorder/failpoint.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import { checkMedia } from './finish-check.ts';

export interface FinishRunDeps {
  db: Pool;
  objects: Objects;
  now: () => number;
  /** @param onStart called when its turn has come: there may be more jobs than slots */
  encode: (job: EncodeJob, onStart: () => void) => Promise<EncodeResult>;
  failpoint: Failpoint;
  signal: AbortSignal;
  /** The job lives: something has moved. */
  onProgress: () => void;
  /** Told how long a part of the work took. */
  onTime: (part: 'probe' | 'wait' | 'encode' | 'put' | 'swap', ms: number) => void;
}

/** An open player goes on with the sources for so long. */
const sourcesKeptMs = 3_600_000;
/** Longer than any job: what was stored and never swapped in is deleted after it. */
const unfinishedKeptMs = 6 * 3_600_000;

export interface RunRequest {
  ref: WindowRef;
  work: WindowWork;
  action: 'copy' | 'encode';
  /** One unbroken run. */
  segments: readonly Segment[];
  /** Their files, in the same order. */
  paths: readonly string[];
  /** For what is made. */
  dir: string;
  /** The sources are in no store and no row: only a spool holds them. */
  isHeld: boolean;
}

/**
 * Makes one final of a run and puts it in the place of its sources: join or encode, verify, PUT, swap.
 * @returns the final; null when the sources were no longer there at the end: then nothing has changed
 * @throws JoinError where the run is none, or a file is not what its row says; EncodeError
 */
export async function finishRun(deps: FinishRunDeps, request: RunRequest): Promise<Segment | null> {
  const { ref, work, segments } = request;
  const [first] = segments;
  if (first === undefined) throw new RangeError('a run has at least one segment');
  const sources = await timed(deps, 'probe', () => inspectSources(request.paths, deps.onProgress));
  checkMedia(sources, segments);
  const file = join(request.dir, `final-${first.startMs}.mp4`);
  try {
    const made =
      request.action === 'copy'
        ? await timed(deps, 'encode', () => joinRun(deps, sources, segments, file))
        : await encodeRun(deps, request, sources, file);
    await deps.failpoint('made');
    const last = segments[segments.length - 1] ?? first;
    const final: Segment = {
      ...made,
      startMs: first.startMs,
      durationMs: last.startMs + last.durationMs - first.startMs,
      epoch: first.epoch,
      anchor: first.anchor,
      variant: work.variant,
      // Encoding at a fixed rate fills them with copies of the last picture.
      pauses: segments.flatMap((segment) => segment.pauses ?? []),
    };
    const camera = { tenantId: work.tenantId, cameraId: ref.cameraId };
    const finalKey = objectKey({ ...camera, ...final });
    const reserved = await readClocks(deps.db, deps);
    await reserveKey(deps.db, work.internalId, finalKey, reserved.laterMs + unfinishedKeptMs);
    await deps.failpoint('reserved');
    await timed(deps, 'put', () =>
      deps.objects.put(finalKey, watched(file, deps.onProgress), final.bytes, final.sha256),
    );
    await deps.failpoint('stored');
    const clocks = await readClocks(deps.db, deps);
    const placed = { ref, internalId: work.internalId, final, finalKey, clocks };
    const swap = {
      ...placed,
      sources: segments,
      sourceKeys: segments.map((segment) => objectKey({ ...camera, ...segment })),
      sourcesGoneMs: clocks.laterMs + sourcesKeptMs,
    };
    const sourceBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    await timed(deps, 'swap', () =>
      transaction(deps.db, (tx) =>
        request.isHeld ? commitHeldFinal(tx, { ...placed, sourceBytes }) : swapInFinal(tx, swap),
      ),
    );
    await deps.failpoint('swapped');
    return final;
  } catch (error) {
    // What was stored is reserved: the collector takes it.
    if (error instanceof StaleSwapError) return null;
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}

type Made = { bytes: number; sha256: string; format: StreamFormat; entries: Entry[] };

/** The playlist entries of a joined file are those of its sources: not a byte and not a millisecond is moved. */
async function joinRun(
  { onProgress }: FinishRunDeps,
  sources: Sources,
  segments: readonly Segment[],
  file: string,
): Promise<Made> {
  const { bytes, sha256 } = await joinFile(sources, file, onProgress);
  const problems = await verifyJoined(file, sources, onProgress);
  const entries = segments.flatMap((segment) => segment.entries);
  if (problems.length > 0) throw new EncodeError('bad-result', `The joined file was refused: ${problems.join('; ')}`);
  return { bytes, sha256, format: segments[0]?.format ?? streamFormatOf(sources.first), entries };
}

async function encodeRun(deps: FinishRunDeps, request: RunRequest, sources: Sources, file: string): Promise<Made> {
  const queuedMs = performance.now();
  let startedMs = queuedMs;
  const { profile } = request.work;
  const job: EncodeJob = { sources, profile, output: file, signal: deps.signal, onProgress: deps.onProgress };
  const { index } = await deps.encode(job, () => {
    startedMs = performance.now();
  });
  const entries = entriesOf(index.fragments, index.timescale, mediaMs(index));
  const spans = sourceSpans(sources, request.segments);
  const hashed = await hashFile(file, deps.onProgress);
  deps.onTime('wait', startedMs - queuedMs);
  deps.onTime('encode', performance.now() - startedMs);
  return { ...hashed, format: streamFormatOf(index), entries: onWallTime(entries, spans) };
}

/** Each source's part of the joined media timeline. */
function sourceSpans(sources: Sources, segments: readonly Segment[]): SourceSpan[] {
  const { fragments, parts, first } = sources;
  let offset = 0;
  const starts = parts.map(({ fromBytes, toBytes }) => {
    const begin = fragments.find((fragment) => fragment.offset >= offset);
    offset += toBytes - fromBytes;
    return begin?.tfdt ?? 0;
  });
  const last = fragments[fragments.length - 1];
  const end = (last?.tfdt ?? 0) + (last?.durationTicks ?? 0);
  return segments.map(({ durationMs }, i) => ({
    durationMs,
    mediaMs: (((starts[i + 1] ?? end) - (starts[i] ?? 0)) * 1000) / first.timescale,
  }));
}

function mediaMs({ fragments, timescale }: EncodeResult['index']): number {
  return Math.round((fragments.reduce((sum, { durationTicks }) => sum + durationTicks, 0) * 1000) / timescale);
}

async function timed<T>(
  deps: FinishRunDeps,
  part: Parameters<FinishRunDeps['onTime']>[0],
  work: () => Promise<T>,
): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  deps.onTime(part, performance.now() - startMs);
  return result;
}

/** A file's bytes, each chunk of which is a sign of life. */
function watched(path: string, onChunk: () => void): Transform {
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      onChunk();
      done(null, chunk);
    },
  });
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  file.on('error', (error) => through.destroy(error));
  through.on('close', () => file.destroy());
  return file.pipe(through);
}
