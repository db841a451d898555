import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { shortestPauseSeconds, type PictureStep, type PictureTimes } from '../domain/pauses.ts';
import type { Fragment, StreamFormat } from '../domain/segment.ts';
import { createBoxReader, Mp4Error, readTable, walkFile, type BoxReader } from './mp4-boxes.ts';
import { parseMoof, type TrackRun } from './mp4-fragment.ts';
import { parseMoov, type Moov, type VideoTrack } from './mp4-init.ts';

/** What a walk over the boxes of a fragmented MP4 finds; the footage itself is not read. */
export interface SegmentIndex extends PictureTimes {
  /** ftyp and moov: all before the first moof. */
  initBytes: number;
  /** Hex. */
  initSha256: string;
  video: VideoTrack;
  audioCodec: string | null;
  /** Ticks per second of the video track, the unit of the fragments. */
  timescale: number;
  /** Whole ones only. */
  fragments: Fragment[];
  /** End of the last whole moof with its mdat: what may be kept after kill -9. */
  wholeBytes: number;
  fileBytes: number;
  /** What is wrong behind the last whole fragment, e.g. garbage; null = nothing, or merely cut off. */
  damage: string | null;
  /** It ends in the midst of a box. */
  isCutOff: boolean;
  /** The earliest presentation of any track, in seconds: FFmpeg's `start_time` of the file. */
  startSeconds: number;
  /** Frames per second, whole where the cadence is not an exact one like 29.97. */
  fps: number;
  /**
   * The stream has B-frames. ffmpeg then puts 2 frames' time between a session's first file and the second that is no
   * footage: the first one's duration is its sum, and the second starts a new media timeline (`anchor`).
   */
  reordered: boolean;
  /** By how much the audio lies behind the video at the end, in ms; null without audio. A camera's clock step shows here. */
  audioLagMs: number | null;
}

/**
 * Walks a file of any size, finished or cut off anywhere.
 * @throws Mp4Error where it has no usable moov or is garbage before its first fragment is whole; errors of the file system as they are
 */
export async function readIndex(path: string): Promise<SegmentIndex> {
  return withFile(path, async (file, fileBytes) => {
    const walk = createWalk();
    const damage = await walk.on(file, fileBytes);
    const walkedBytes = walk.walkedBytes();
    const { moov, fragments, wholeBytes, durations, reordered, ...rest } = walk.result();
    const init = await file.read(0, fragments[0]?.offset ?? wholeBytes);
    return {
      initBytes: init.length,
      initSha256: createHash('sha256').update(init).digest('hex'),
      video: moov.video,
      audioCodec: moov.audio?.codec ?? null,
      timescale: moov.video.timescale,
      fragments,
      wholeBytes,
      fileBytes,
      damage,
      isCutOff: damage === null && walkedBytes < fileBytes,
      ...rest,
      fps: estimateFps(durations, moov.video.timescale),
      reordered,
    };
  });
}

/**
 * For a file that grows: each call reads on where the one before stopped. Anew, a look at a file of 60 s takes 35 turns of
 * Node's thread pool, and one that reads on 10.
 * @returns a function that throws as `readIndex`
 */
export function followIndex(path: string): () => Promise<Pick<SegmentIndex, 'video' | 'fragments'>> {
  const walk = createWalk();
  return () =>
    withFile(path, async (file, fileBytes) => {
      await walk.on(file, fileBytes);
      const { moov, fragments } = walk.result();
      return { video: moov.video, fragments };
    });
}

/** From the first picture to the end of the last, in ms: pauses count. */
export function spanMs({ fragments, timescale }: Pick<SegmentIndex, 'fragments' | 'timescale'>): number {
  const [first] = fragments;
  const last = fragments[fragments.length - 1];
  if (first === undefined || last === undefined) return 0;
  return Math.round(((last.tfdt + last.durationTicks - first.tfdt) * 1000) / timescale);
}

/** The catalogue's description of the file. */
export function streamFormatOf(index: SegmentIndex): StreamFormat {
  const { codec, codecTag, width, height } = index.video;
  const { fps, audioCodec, initBytes, initSha256 } = index;
  return { codec, codecTag, width, height, fps, audioCodec, initBytes, initSha256 };
}

/**
 * The first decode time of the video, in ticks; null = the file or its first moof is not there yet.
 * Cheap enough to ask again and again while ffmpeg writes. @throws Mp4Error where the file is garbage
 */
export async function firstTfdt(path: string): Promise<number | null> {
  try {
    return await withFile(path, async (file, fileBytes) => {
      let moov: Moov | null = null;
      for await (const box of walkFile(file, fileBytes)) {
        if (box.type === 'moov') moov = parseMoov(await readTable(file, box));
        if (box.type !== 'moof' || moov === null) continue;
        const { id } = moov.video;
        const run = parseMoof(await readTable(file, box), moov.defaults).find((one) => one.trackId === id);
        if (run !== undefined) return run.tfdt;
      }
      return null;
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function withFile<T>(path: string, work: (file: BoxReader, fileBytes: number) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await work(createBoxReader(file), (await file.stat()).size);
  } finally {
    await file.close();
  }
}

function createWalk() {
  let moov: Moov | null = null;
  let pending: { offset: number; runs: TrackRun[] } | null = null;
  /** A moof without video waits for the next one with it. */
  let leading: number | null = null;
  let wholeBytes = 0;
  let reordered = false;
  let audioEnd: number | null = null;
  let audioStart: number | null = null;
  let videoStart: number | null = null;
  let walkedBytes = 0;
  const fragments: Fragment[] = [];
  const durations: number[] = [];
  const longSteps: PictureStep[] = [];
  let lastSampleTicks = 0;

  /** Goes on to the last whole box. @returns what is wrong behind the last whole fragment; null = nothing */
  const on = async (file: BoxReader, fileBytes: number): Promise<string | null> => {
    try {
      for await (const box of walkFile(file, fileBytes, walkedBytes)) {
        const end = box.offset + box.bytes;
        if (box.type === 'moov' || box.type === 'moof') table(box.type, box.offset, await readTable(file, box));
        else if (box.type === 'mdat') data(box.offset, box.headerBytes, end);
        walkedBytes = end;
      }
      return null;
    } catch (error) {
      if (!(error instanceof Mp4Error) || fragments.length === 0) throw error;
      return error.message;
    }
  };
  const table = (type: 'moov' | 'moof', offset: number, buffer: Buffer): void => {
    if (type === 'moov') {
      moov ??= parseMoov(buffer);
      wholeBytes = offset + buffer.length;
    } else {
      if (moov === null) throw new Mp4Error('a fragment before the moov');
      pending = { offset, runs: parseMoof(buffer, moov.defaults) };
    }
  };
  const data = (offset: number, headerBytes: number, end: number): void => {
    if (pending === null || moov === null) throw new Mp4Error('an mdat without its moof: no fragmented MP4');
    const { runs, offset: moofOffset } = pending;
    pending = null;
    const { video, audio } = moov;
    const audioRun = runs.find((run) => run.trackId === audio?.id);
    if (audioRun !== undefined && audio !== null) {
      audioStart ??= audioRun.tfdt / audio.timescale;
      audioEnd = (audioRun.tfdt + sum(audioRun.durations)) / audio.timescale;
    }
    const previous = fragments[fragments.length - 1];
    const run = runs.find((one) => one.trackId === video.id);
    // Offsets tile the file, whatever lies between mdat and moof.
    if (previous !== undefined) previous.bytes = moofOffset - previous.offset;
    wholeBytes = end;
    if (run === undefined) {
      if (previous === undefined) leading ??= moofOffset;
      else previous.bytes = end - previous.offset;
      return;
    }
    videoStart ??= (run.tfdt + run.firstDelayTicks) / video.timescale;
    const start = leading ?? moofOffset;
    leading = null;
    const sampleAt = run.dataOffset === null ? offset + headerBytes : moofOffset + run.dataOffset;
    if (sampleAt + run.firstSampleBytes > end) throw new Mp4Error('a sample beyond its mdat');
    fragments.push({
      offset: start,
      bytes: end - start,
      tfdt: run.tfdt,
      durationTicks: sum(run.durations),
      samples: run.durations.length,
      key: run.firstSampleKey,
      keyBytes: sampleAt + run.firstSampleBytes - start,
      sampleBytes: run.firstSampleBytes,
    });
    let at = run.tfdt;
    for (const ticks of run.durations) {
      const isLong = at - lastSampleTicks >= shortestPauseSeconds * video.timescale;
      if (isLong && durations.length > 0) longSteps.push({ fromTicks: lastSampleTicks, toTicks: at });
      lastSampleTicks = at;
      at += ticks;
      durations.push(ticks);
    }
    reordered ||= run.reordered;
  };
  const result = () => {
    if (moov === null) throw new Mp4Error('no whole moov');
    const last = fragments[fragments.length - 1];
    const videoEnd = last === undefined ? 0 : (last.tfdt + last.durationTicks) / moov.video.timescale;
    const audioLagMs = audioEnd === null ? null : Math.round((videoEnd - audioEnd) * 1000);
    const startSeconds = Math.min(videoStart ?? 0, audioStart ?? Infinity);
    return { moov, fragments, wholeBytes, durations, reordered, audioLagMs, startSeconds, longSteps, lastSampleTicks };
  };
  return { on, result, walkedBytes: () => walkedBytes };
}

/** Cadences that are no whole number; told from their neighbours only where the clock is exact (0.02 %). */
const oddRates = [24_000 / 1001, 30_000 / 1001, 60_000 / 1001];

/**
 * The rate of the usual frames: pauses and dropped frames do not count. Rounded, since each value makes a format row
 * and jitter would make one a segment.
 */
function estimateFps(durations: readonly number[], timescale: number): number {
  const sorted = durations.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const usual = sorted.filter((ticks) => ticks > median / 2 && ticks < median * 1.5);
  if (usual.length === 0) return 0;
  const fps = (timescale * usual.length) / sum(usual);
  const odd = oddRates.find((rate) => Math.abs(fps / rate - 1) < 0.0002);
  if (odd !== undefined) return Math.round(odd * 1000) / 1000;
  return fps >= 3 ? Math.round(fps) : Math.round(fps * 10) / 10;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
