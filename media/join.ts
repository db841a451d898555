import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { StreamFacts } from '../domain/profile.ts';
import type { Fragment } from '../domain/segment.ts';
import { fragmentTable } from './mp4-cut.ts';
import { readIndex, spanMs, type SegmentIndex } from './mp4-index.ts';

/** Finished files of one unbroken run, which read as one stream when joined by bytes. */
export interface Sources {
  /** What is taken of each file: the first whole, of the others the fragments only, never the fragment table. */
  parts: readonly { path: string; fromBytes: number; toBytes: number }[];
  /** Of the first file; its init is that of all. */
  first: SegmentIndex;
  /** Of all files, with their places in the joined one. */
  fragments: Fragment[];
  /** Video samples. */
  frames: number;
  /** From the first sample to the end of the last. */
  durationMs: number;
  /** Joined, without the fragment table. */
  bytes: number;
  facts: StreamFacts & { hasAudio: boolean };
}

/** The files do not make one stream; `at` is the position of the first that does not continue the one before. */
export class JoinError extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.name = 'JoinError';
    this.at = at;
  }
}

/** The longest pause a recording keeps as one (ffmpeg-arguments): longer ones are clock steps or another run. */
export const maxPauseSeconds = 12;
/** The last sample's length is nominal, so the next file may seem to begin before its end; seen up to 34 ms. */
const nominalSeconds = 0.25;

/**
 * Walks the files and checks that they are whole and continue each other: one init, decode times that go on.
 * @param paths in order of time
 * @param onFile a sign of life: told of each file that was walked
 * @throws JoinError where they do not; Mp4Error where one is no footage; errors of the file system as they are
 */
export async function inspectSources(paths: readonly string[], onFile?: () => void): Promise<Sources> {
  const parts: { path: string; fromBytes: number; toBytes: number }[] = [];
  const fragments: Fragment[] = [];
  let first: SegmentIndex | null = null;
  let fps = 0;
  let hasBFrames = false;
  let bytes = 0;
  for (const [at, path] of paths.entries()) {
    // One after another: a window has at most some hundred files, and their order matters.
    const index = await readIndex(path);
    checkContinues(at, index, first, fragments[fragments.length - 1]);
    const own = index.fragments;
    const fromBytes = first === null ? 0 : (own[0]?.offset ?? 0);
    const toBytes = own.reduce((end, fragment) => Math.max(end, fragment.offset + fragment.bytes), 0);
    for (const fragment of own) fragments.push({ ...fragment, offset: fragment.offset - fromBytes + bytes });
    parts.push({ path, fromBytes, toBytes });
    bytes += toBytes - fromBytes;
    first ??= index;
    fps = Math.max(fps, index.fps);
    hasBFrames ||= index.reordered;
    onFile?.();
  }
  if (first === null) throw new JoinError(0, 'there are no files to join');
  const { timescale, video } = first;
  const durationMs = spanMs({ fragments, timescale });
  return {
    parts,
    first,
    fragments,
    frames: fragments.reduce((sum, { samples }) => sum + samples, 0),
    durationMs,
    bytes,
    facts: {
      codec: video.codec,
      width: video.width,
      height: video.height,
      fps: fps > 0 ? fps : null,
      bitrateKbps: durationMs > 0 ? (bytes * 8) / durationMs : null,
      keyDistanceMs: keyDistanceMs(fragments, timescale),
      hasBFrames,
      hasAudio: first.audioCodec !== null,
    },
  };
}

function checkContinues(at: number, index: SegmentIndex, first: SegmentIndex | null, before?: Fragment): void {
  const [begin] = index.fragments;
  if (begin === undefined) throw new JoinError(at, 'the file holds no whole fragment');
  if (index.damage !== null) throw new JoinError(at, `the file is damaged: ${index.damage}`);
  if (index.isCutOff) throw new JoinError(at, 'the file is cut off');
  if (!begin.key) throw new JoinError(at, 'the file does not start at a key picture');
  if (first === null || before === undefined) return;
  if (index.initSha256 !== first.initSha256) throw new JoinError(at, 'the stream is described differently (init)');
  const stepSeconds = (begin.tfdt - (before.tfdt + before.durationTicks)) / first.timescale;
  if (begin.tfdt <= before.tfdt || stepSeconds < -nominalSeconds || stepSeconds > maxPauseSeconds) {
    throw new JoinError(at, `its time does not go on: a step of ${stepSeconds.toFixed(3)} s`);
  }
}

/** The joined file as a stream, without a fragment table. Fails where a file has become shorter. */
export function joinStream(sources: Pick<Sources, 'parts'>): Readable {
  return Readable.from(joinedChunks(sources), { objectMode: false });
}

/** As `joinStream`, chunk by chunk. */
export async function* joinedChunks({ parts }: Pick<Sources, 'parts'>): AsyncGenerator<Buffer> {
  for (const { path, fromBytes, toBytes } of parts) {
    let left = toBytes - fromBytes;
    for await (const chunk of createReadStream(path, { start: fromBytes, end: toBytes - 1 }) as AsyncIterable<Buffer>) {
      left -= chunk.length;
      yield chunk;
    }
    if (left > 0) throw new Error(`a source has become shorter by ${left} bytes`);
  }
}

/**
 * Writes the joined file with a fragment table, whole and fsynced or not at all.
 * @param onChunk a sign of life, as bytes are written
 * @returns bytes and SHA-256 (hex) of the target
 */
export async function joinFile(
  sources: Sources,
  target: string,
  onChunk?: () => void,
): Promise<{ bytes: number; sha256: string }> {
  const partial = `${target}.part`;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const file = await open(partial, 'w');
    try {
      const write = async (chunk: Buffer): Promise<void> => {
        hash.update(chunk);
        bytes += chunk.length;
        await file.appendFile(chunk);
        onChunk?.();
      };
      for await (const chunk of joinedChunks(sources)) await write(chunk);
      await write(fragmentTable(sources.fragments, sources.first.video.id, sources.first.initBytes));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** The longest time from a key to the next, or to the end. */
export function keyDistanceMs(fragments: readonly Fragment[], timescale: number): number {
  let keyAt = fragments[0]?.tfdt ?? 0;
  let longest = 0;
  for (const fragment of fragments) {
    if (fragment.key) keyAt = fragment.tfdt;
    longest = Math.max(longest, fragment.tfdt + fragment.durationTicks - keyAt);
  }
  return Math.round((longest * 1000) / timescale);
}
