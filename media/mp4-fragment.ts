import { childBoxes, Mp4Error, payload, type Box } from './mp4-boxes.ts';
import type { SampleDefaults } from './mp4-init.ts';

/** A track's part of one moof. */
export interface TrackRun {
  trackId: number;
  /** Decode time of the first sample in ticks. */
  tfdt: number;
  /** Of each sample, in ticks. */
  durations: number[];
  firstSampleKey: boolean;
  firstSampleBytes: number;
  /** From the first sample's decode time to its presentation, in ticks; 0 without B-frames. */
  firstDelayTicks: number;
  /** Of the first sample, from the start of the moof; null = the first byte of the mdat. */
  dataOffset: number | null;
  /** Some sample is shown at another time than it is decoded: B-frames. */
  reordered: boolean;
}

const nonSyncSample = 0x10000;

/**
 * Reads the runs of a moof (header and payload).
 * @throws Mp4Error where it is malformed, or where offsets count from the start of the file: such a file cannot be cut
 */
export function parseMoof(moof: Buffer, defaults: Map<number, SampleDefaults>): TrackRun[] {
  try {
    return childBoxes(moof, moof.readUInt32BE(0) === 1 ? 16 : 8, moof.length)
      .filter((box) => box.type === 'traf')
      .map((traf) => parseTraf(moof, traf, defaults))
      .filter((run) => run.durations.length > 0);
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error('a moof whose tables are cut off');
    throw error;
  }
}

function parseTraf(moof: Buffer, traf: Box, trackDefaults: Map<number, SampleDefaults>): TrackRun {
  const boxes = childBoxes(moof, ...payload(traf));
  const tfhd = boxes.find((box) => box.type === 'tfhd');
  const tfdt = boxes.find((box) => box.type === 'tfdt');
  if (tfhd === undefined || tfdt === undefined) throw new Mp4Error('a traf without tfhd or tfdt');
  const { trackId, defaults } = parseTfhd(moof, tfhd, trackDefaults);
  const run: TrackRun = {
    trackId,
    tfdt: parseTfdt(moof, tfdt),
    durations: [],
    firstSampleKey: false,
    firstSampleBytes: 0,
    firstDelayTicks: 0,
    dataOffset: null,
    reordered: false,
  };
  for (const trun of boxes.filter((box) => box.type === 'trun')) addTrun(moof, trun, defaults, run);
  return run;
}

function parseTfhd(moof: Buffer, box: Box, trackDefaults: Map<number, SampleDefaults>) {
  const read = fieldReader(moof, box);
  const flags = read() & 0xff_ffff;
  if ((flags & 0x1) !== 0) throw new Mp4Error('data offsets from the start of the file');
  const trackId = read();
  const defaults = { ...(trackDefaults.get(trackId) ?? { durationTicks: 0, bytes: 0, flags: 0 }) };
  if ((flags & 0x2) !== 0) read();
  if ((flags & 0x8) !== 0) defaults.durationTicks = read();
  if ((flags & 0x10) !== 0) defaults.bytes = read();
  if ((flags & 0x20) !== 0) defaults.flags = read();
  return { trackId, defaults };
}

/** Above 2^53 the number loses its last digits, which no check needs: it is refused either way. */
function parseTfdt(moof: Buffer, box: Box): number {
  const [at, end] = payload(box);
  const isLong = moof.readUInt8(at) === 1;
  if (end - at < (isLong ? 12 : 8)) throw new Mp4Error('a tfdt that is cut off');
  return isLong ? Number(moof.readBigUInt64BE(at + 4)) : moof.readUInt32BE(at + 4);
}

function addTrun(moof: Buffer, box: Box, defaults: SampleDefaults, run: TrackRun): void {
  const read = fieldReader(moof, box);
  const flags = read() & 0xff_ffff;
  const count = read();
  const dataOffset = (flags & 0x1) === 0 ? null : read() | 0;
  const firstFlags = (flags & 0x4) === 0 ? null : read();
  const perSample = [0x100, 0x200, 0x400, 0x800].filter((bit) => (flags & bit) !== 0).length * 4;
  if (count * perSample > box.bytes) throw new Mp4Error(`a trun of ${count} samples in ${box.bytes} bytes`);
  if (perSample === 0 && count > 100_000) throw new Mp4Error(`a trun of ${count} samples`);
  for (let i = 0; i < count; i++) {
    const durationTicks = (flags & 0x100) === 0 ? defaults.durationTicks : read();
    const bytes = (flags & 0x200) === 0 ? defaults.bytes : read();
    const ownFlags = (flags & 0x400) === 0 ? defaults.flags : read();
    const delayTicks = (flags & 0x800) === 0 ? 0 : read() | 0;
    if (delayTicks !== 0) run.reordered = true;
    if (run.durations.length === 0) {
      run.firstSampleKey = ((firstFlags ?? ownFlags) & nonSyncSample) === 0;
      run.firstSampleBytes = bytes;
      run.firstDelayTicks = delayTicks;
      run.dataOffset = dataOffset;
    }
    run.durations.push(durationTicks);
  }
}

/** Reads a box's payload 32 bits at a time. */
function fieldReader(buffer: Buffer, box: Box): () => number {
  let [at, end] = payload(box);
  return () => {
    if (at + 4 > end) throw new Mp4Error(`a ${box.type} that is cut off`);
    at += 4;
    return buffer.readUInt32BE(at - 4);
  };
}
