import type { FileHandle } from 'node:fs/promises';

/** The bytes are no MP4 we can use; the message says what is wrong, not where the file lies. */
export class Mp4Error extends Error {
  override readonly name = 'Mp4Error';
}

export interface Box {
  type: string;
  /** Of the header, from the start of the file or buffer. */
  offset: number;
  headerBytes: number;
  /** Header and payload. */
  bytes: number;
}

/** A moov or moof larger than this is garbage: a moof of 1 s takes 1 kB, of a 120 s GOP at 60 fps 60 kB. */
const maxTableBytes = 16 * 1024 * 1024;
/** Size, type and the 64-bit size. */
const largeHeaderBytes = 16;

/**
 * A moof of 1 s takes 1 kB, and the header of its mdat follows: one read for all of it. Each read is a turn of Node's
 * thread pool, which costs more than the bytes. Memory below 4 KiB comes from Node's pool.
 */
const windowBytes = 2048;

/** Reads pieces of a file that lie close together. */
export interface BoxReader {
  /** Up to `length` bytes; less at the end of the file. The buffer is not written to again. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** @param file a finished one, or one that grows at its end */
export function createBoxReader(file: FileHandle): BoxReader {
  let start = 0;
  let window = Buffer.alloc(0);
  return {
    async read(offset, length) {
      if (offset < start || offset + length > start + window.length) {
        const buffer = Buffer.allocUnsafe(Math.max(length, windowBytes));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
        start = offset;
        window = buffer.subarray(0, bytesRead);
      }
      return window.subarray(offset - start, offset - start + length);
    },
  };
}

/**
 * The boxes of a file one after another, reading headers only, up to the first that is not whole: a file cut off by
 * kill -9 ends in the midst of a box. @param from where a box begins @throws Mp4Error where a header is no header
 */
export async function* walkFile(file: BoxReader, fileBytes: number, from = 0): AsyncGenerator<Box> {
  for (let offset = from; offset < fileBytes;) {
    const box = parseHeader(await file.read(offset, largeHeaderBytes), offset);
    if (box === null || box.offset + box.bytes > fileBytes) return;
    yield box;
    offset += box.bytes;
  }
}

/** The boxes within a buffer. @throws Mp4Error where they do not fill the range exactly */
export function childBoxes(buffer: Buffer, start: number, end: number): Box[] {
  const boxes: Box[] = [];
  for (let offset = start; offset < end;) {
    const box = parseHeader(buffer.subarray(offset, Math.min(offset + largeHeaderBytes, end)), offset);
    if (box === null || offset + box.bytes > end) throw new Mp4Error(`a box at ${offset} reaches beyond its parent`);
    boxes.push(box);
    offset += box.bytes;
  }
  return boxes;
}

/** Header and payload of a whole table (moov, moof). @throws Mp4Error where it is absurdly large or cut off */
export async function readTable(file: BoxReader, box: Box): Promise<Buffer> {
  if (box.bytes > maxTableBytes) throw new Mp4Error(`a ${box.type} of ${box.bytes} bytes`);
  const buffer = await file.read(box.offset, box.bytes);
  if (buffer.length < box.bytes) throw new Mp4Error(`the ${box.type} is cut off`);
  return buffer;
}

/** The payload's range of a box in its buffer. */
export function payload(box: Box): [start: number, end: number] {
  return [box.offset + box.headerBytes, box.offset + box.bytes];
}

/** A box written whole. */
export function writeBox(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + body.length, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
}

/** Null: cut off, or of a size not yet known. */
function parseHeader(header: Buffer, offset: number): Box | null {
  if (header.length < 8) return null;
  const type = header.toString('latin1', 4, 8);
  if (!/^[\x20-\x7e\xa9]{4}$/.test(type)) throw new Mp4Error(`no box at ${offset}`);
  const size = header.readUInt32BE(0);
  if (size === 0) return null;
  if (size !== 1) {
    if (size < 8) throw new Mp4Error(`a ${type} of ${size} bytes at ${offset}`);
    return { type, offset, headerBytes: 8, bytes: size };
  }
  if (header.length < largeHeaderBytes) return null;
  const large = header.readBigUInt64BE(8);
  if (large < 16n || large > BigInt(Number.MAX_SAFE_INTEGER)) throw new Mp4Error(`a ${type} of ${large} bytes`);
  return { type, offset, headerBytes: largeHeaderBytes, bytes: Number(large) };
}
