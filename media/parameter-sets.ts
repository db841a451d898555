import { open, type FileHandle } from 'node:fs/promises';
import type { Fragment } from '../domain/segment.ts';
import type { SegmentIndex } from './mp4-index.ts';

type Pictures = Pick<SegmentIndex, 'video' | 'fragments'>;

/**
 * Parameter sets stand before the first slice; access unit delimiters and SEI before them take some hundred bytes, seldom
 * more. What is read costs memory that is collected: at 64 KiB for each key 1.3 MB a second of 20 cameras.
 */
const headBytes = [2048, 64 * 1024];

interface NalKind {
  role: 'sps' | 'pps' | 'slice' | 'other';
  /** Of the NAL unit's header. */
  headerBytes: number;
}

/**
 * The first fragment whose key sample carries other parameter sets than the known ones, null = none does.
 * In copy the init never follows such a change (640x360 became 1080p and kept the old avcC), so the session has to
 * start anew. Fragment 0 of a session's first file means that the camera describes its stream wrongly in SDP; a new
 * start cures nothing then: take `parameterSetsAt(.., 0)` as known instead.
 * @param known default: those of the init
 * @param from the first fragment to look at
 */
export async function parameterSetsChangedAt(
  path: string,
  index: Pictures,
  known: readonly Buffer[] = index.video.parameterSets,
  from = 0,
): Promise<number | null> {
  const file = await open(path, 'r');
  try {
    for (const [i, fragment] of index.fragments.entries()) {
      if (!fragment.key || i < from) continue;
      const sets = await setsOf(file, index, fragment);
      if (sets.some((set) => isOther(set, known, index.video.codec))) return i;
    }
    return null;
  } finally {
    await file.close();
  }
}

/** The parameter sets in the first sample of a fragment; none where the camera sends them in SDP only. */
export async function parameterSetsAt(path: string, index: Pictures, fragment: number): Promise<Buffer[]> {
  const at = index.fragments[fragment];
  if (at === undefined) throw new RangeError(`no fragment ${fragment}`);
  const file = await open(path, 'r');
  try {
    return await setsOf(file, index, at);
  } finally {
    await file.close();
  }
}

async function setsOf(file: FileHandle, index: Pictures, at: Fragment): Promise<Buffer[]> {
  let found: Buffer[] = [];
  for (const most of headBytes) {
    const head = Buffer.allocUnsafe(Math.min(at.sampleBytes, most));
    const { bytesRead } = await file.read(head, 0, head.length, at.offset + at.keyBytes - at.sampleBytes);
    const { sets, hasSlice } = headOf(head.subarray(0, bytesRead), index.video.codec, index.video.nalLengthBytes);
    found = sets;
    if (hasSlice || bytesRead === at.sampleBytes) break;
  }
  return found;
}

/** The parameter sets before the first slice of a sample, or of the head of one. */
export function parameterSetsOf(sample: Buffer, codec: 'h264' | 'hevc', nalLengthBytes: number): Buffer[] {
  return headOf(sample, codec, nalLengthBytes).sets;
}

/** @returns `hasSlice`: all parameter sets were there */
function headOf(sample: Buffer, codec: 'h264' | 'hevc', nalLengthBytes: number): { sets: Buffer[]; hasSlice: boolean } {
  const sets: Buffer[] = [];
  for (let at = 0; at + nalLengthBytes < sample.length;) {
    const start = at + nalLengthBytes;
    const end = start + sample.readUIntBE(at, nalLengthBytes);
    if (end === start) break;
    const nal = sample.subarray(start, end);
    const { role } = kindOf(nal, codec);
    if (role === 'slice') return { sets, hasSlice: true };
    if (end > sample.length) break;
    if (role !== 'other') sets.push(trimmed(nal));
    at = end;
  }
  return { sets, hasSlice: false };
}

/**
 * A picture set (PPS) counts as another only where one with its id is known: cameras send more of them in the stream
 * than in SDP. A sequence or video set (SPS, VPS) must be known.
 */
function isOther(set: Buffer, known: readonly Buffer[], codec: 'h264' | 'hevc'): boolean {
  const { role, headerBytes } = kindOf(set, codec);
  const alike = known.map(trimmed).filter((one) => one[0] === set[0]);
  if (alike.some((one) => one.equals(set))) return false;
  if (role === 'sps') return true;
  const id = firstNumber(set, headerBytes);
  return alike.some((one) => firstNumber(one, headerBytes) === id);
}

function kindOf(nal: Buffer, codec: 'h264' | 'hevc'): NalKind {
  const first = nal[0] ?? 0;
  if (codec === 'h264') {
    const type = first & 0x1f;
    const role = type === 7 ? 'sps' : type === 8 ? 'pps' : type >= 1 && type <= 5 ? 'slice' : 'other';
    return { role, headerBytes: 1 };
  }
  const type = (first >> 1) & 0x3f;
  const role = type === 32 || type === 33 ? 'sps' : type === 34 ? 'pps' : type < 32 ? 'slice' : 'other';
  return { role, headerBytes: 2 };
}

/** Some cameras pad NAL units with zeros, which mean nothing. */
function trimmed(nal: Buffer): Buffer {
  const end = nal.findLastIndex((byte) => byte !== 0) + 1;
  return nal.subarray(0, end);
}

/** The first Exp-Golomb number behind the NAL header: a PPS's id. */
function firstNumber(nal: Buffer, headerBytes: number): number {
  const bits = nal.length > headerBytes + 3 ? nal.readUInt32BE(headerBytes) : nal.readUInt8(headerBytes) << 24;
  const zeros = Math.clz32(bits);
  return zeros > 15 ? -1 : (bits >>> (31 - 2 * zeros)) - 1;
}
