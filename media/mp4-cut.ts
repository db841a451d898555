import { createHash } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Fragment } from '../domain/segment.ts';
import { writeBox } from './mp4-boxes.ts';
import type { SegmentIndex } from './mp4-index.ts';

/** Copied a piece at a time, so that a cut needs 1 MB whatever the file's size. */
const copyBytes = 1024 * 1024;

/**
 * Writes init, the fragments `[from, to)` and a new fragment table into `target`, which then plays alone and keeps its
 * tfdt: for an open file after kill -9 and for the free parts of an overlapping one. The target appears whole and
 * durable (file and folder fsynced) or not at all.
 * @returns bytes and SHA-256 (hex) of the target
 * @throws RangeError where the range is empty or does not start at a key
 */
export async function cutFile(
  source: string,
  index: SegmentIndex,
  range: { from: number; to: number },
  target: string,
): Promise<{ bytes: number; sha256: string }> {
  const fragments = index.fragments.slice(range.from, range.to);
  const [first] = fragments;
  const last = fragments[fragments.length - 1];
  if (first === undefined || last === undefined) throw new RangeError(`no fragments ${range.from} to ${range.to}`);
  if (!first.key) throw new RangeError(`fragment ${range.from} does not start at a key`);
  const partial = `${target}.part`;
  const hash = createHash('sha256');
  let bytesWritten = 0;
  try {
    await withFile(source, 'r', (from) =>
      withFile(partial, 'w', async (to) => {
        const write = async (bytes: Buffer): Promise<void> => {
          hash.update(bytes);
          bytesWritten += bytes.length;
          await to.appendFile(bytes);
        };
        await copyRange(from, 0, index.initBytes, write);
        await copyRange(from, first.offset, last.offset + last.bytes, write);
        await write(fragmentTable(fragments, index.video.id, index.initBytes));
        await to.sync();
      }),
    );
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await withFile(dirname(target), 'r', (folder) => folder.sync());
  return { bytes: bytesWritten, sha256: hash.digest('hex') };
}

async function copyRange(
  file: FileHandle,
  start: number,
  end: number,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const buffer = Buffer.alloc(Math.min(copyBytes, end - start));
  for (let at = start; at < end;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
    if (bytesRead === 0) throw new Error('the file has become shorter while it was cut');
    await write(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/**
 * The mfra box: players and ffmpeg seek by it.
 * @param fragments the first of which comes to lie right behind the init
 */
export function fragmentTable(fragments: readonly Fragment[], trackId: number, initBytes: number): Buffer {
  const shift = initBytes - (fragments[0]?.offset ?? 0);
  const keys = fragments.filter((fragment) => fragment.key);
  const tfra = Buffer.alloc(16 + keys.length * 19);
  tfra.writeUInt8(1, 0); // version 1: 64-bit times and offsets
  tfra.writeUInt32BE(trackId, 4);
  tfra.writeUInt32BE(keys.length, 12);
  keys.forEach((fragment, i) => {
    const at = 16 + i * 19;
    tfra.writeBigUInt64BE(BigInt(fragment.tfdt), at);
    tfra.writeBigUInt64BE(BigInt(fragment.offset + shift), at + 8);
    tfra.fill(1, at + 16, at + 19); // first traf, trun and sample
  });
  const table = writeBox('tfra', tfra);
  const mfro = Buffer.alloc(8);
  mfro.writeUInt32BE(8 + table.length + 16, 4); // the whole mfra, found from the end of the file
  return writeBox('mfra', table, writeBox('mfro', mfro));
}

async function withFile<T>(path: string, flags: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
