import { readFile, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { bestSlots, type Calibration } from '../domain/capacity.ts';
import { encodeTarget, type ProfileSpec } from '../domain/profile.ts';
import type { Encoder } from './encode-arguments.ts';
import { EncodeError } from './encode-errors.ts';
import { encodeFile } from './encode-file.ts';
import { runTool } from './ffmpeg.ts';
import { inspectSources, type Sources } from './join.ts';

export interface CalibrateOptions {
  ffmpeg: string;
  encoder: Encoder;
  /** An existing folder for the source and the results, about 1 MB a second of source and one result an encode. */
  folder: string;
  profile: ProfileSpec;
  /** Of the source made for it; longer is truer on a GPU, which takes half a second to start. */
  sourceSeconds: number;
  /** The last level, should nothing be refused before. */
  maxEncodes: number;
  nowMs: number;
  signal?: AbortSignal;
  onLevel?: (level: Calibration['levels'][number]) => void;
}

/** A level that adds less than this to the best rate is the last: more encodes at once only wait for each other. */
const worthwhile = 1.03;
/** Such levels in a row: a rate swings by some percent. */
const flatLevels = 2;
const sampleMs = 500;

/**
 * Measures an encoder of this machine: 1, 2, 3, ... encodes at once of a 1080p30 source of 8 Mbit/s, until one is
 * refused or the rate does not rise any more.
 * @throws EncodeError where not even one encode works
 */
export async function calibrate(options: CalibrateOptions): Promise<Calibration> {
  const source = join(options.folder, 'calibration-source.mp4');
  try {
    await makeSource(options, source);
    const sources = await inspectSources([source]);
    const target = encodeTarget(options.profile, sources.facts);
    const levels: Calibration['levels'] = [];
    let refusal: EncodeError | null = null;
    for (let encodes = 1, flat = 0; encodes <= options.maxEncodes && flat < flatLevels; encodes++) {
      const level = await measure(options, sources, encodes).catch((error: unknown) => {
        if (levels.length === 0 || !(error instanceof EncodeError) || error.action !== 'retry-later') throw error;
        refusal = error;
        return null;
      });
      if (level === null) break;
      const best = levels.reduce((most, { fps }) => Math.max(most, fps), 0);
      flat = level.fps < best * worthwhile ? flat + 1 : 0;
      levels.push(level);
      options.onLevel?.(level);
    }
    const refused = refusal as EncodeError | null;
    const { codec, width, height, fps, bitrateKbps } = sources.facts;
    return {
      atMs: options.nowMs,
      encoder: options.encoder,
      device: options.encoder.kind === 'x264' ? (cpus()[0]?.model ?? null) : await gpuName(options.encoder),
      cores: cpus().length,
      source: { codec, width, height, fps: fps ?? 0, bitrateKbps: Math.round(bitrateKbps ?? 0) },
      target: { width: target.width, height: target.height, fps: target.fps, bitrateKbps: target.bitrateKbps },
      levels,
      refusedAt: refused === null ? null : levels.length + 1,
      refusal: refused?.message ?? null,
      slots: bestSlots(levels),
    };
  } finally {
    await rm(source, { force: true });
  }
}

/** A moving picture with fine detail, 8 Mbit/s, keys every 2 s, as a common camera sends it. */
async function makeSource(options: CalibrateOptions, path: string): Promise<void> {
  const rate = ['-b:v', '8M', '-minrate', '8M', '-maxrate', '8M', '-bufsize', '8M', '-nal-hrd', 'cbr'];
  const result = await runTool({
    binary: options.ffmpeg,
    args: [
      ['-hide_banner', '-nostdin', '-nostats', '-v', 'level+error', '-y'],
      ['-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=30,noise=alls=8:allf=t', '-t', String(options.sourceSeconds)],
      ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'superfast', '-bf', '0', '-g', '60', ...rate],
      [
        '-movflags',
        '+frag_keyframe+empty_moov+default_base_moof',
        '-video_track_timescale',
        '90000',
        '-f',
        'mp4',
        path,
      ],
    ].flat(),
    timeoutMs: 10 * 60_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (result.code !== 0) throw new EncodeError('failed', `The source could not be made: ${result.stderr.join('; ')}`);
}

async function measure(
  options: CalibrateOptions,
  sources: Sources,
  encodes: number,
): Promise<Calibration['levels'][number]> {
  const target = encodeTarget(options.profile, sources.facts);
  const end = new AbortController();
  const signal = options.signal === undefined ? end.signal : AbortSignal.any([end.signal, options.signal]);
  const vram = watchVram(options.encoder);
  const cpuBefore = await childCpuSeconds();
  const started = performance.now();
  const runs = Array.from({ length: encodes }, async (_, i) => {
    const output = join(options.folder, `calibration-${i}.mp4`);
    try {
      await encodeFile({ ffmpeg: options.ffmpeg, encoder: options.encoder, sources, target, output, signal });
    } catch (error) {
      end.abort(); // one refusal decides the level
      throw error;
    } finally {
      await rm(output, { force: true });
    }
  });
  // All must be gone before the next level; the first failure is the cause, the others were called off.
  const results = await Promise.allSettled(runs);
  const seconds = (performance.now() - started) / 1000;
  const vramMb = await vram.stop();
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const cause = failures.find((error) => !(error instanceof EncodeError && error.failure === 'aborted'));
  if (failures.length > 0) throw cause ?? failures[0];
  return {
    encodes,
    fps: Math.round(((encodes * sources.frames) / seconds) * 10) / 10,
    cpuCores: Math.round((((await childCpuSeconds()) - cpuBefore) / seconds) * 100) / 100,
    vramMb,
  };
}

/** Of this process and all its children that have ended, in seconds (Linux; clock ticks are 1/100 s there). */
async function childCpuSeconds(): Promise<number> {
  const text = await readFile('/proc/self/stat', 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime, cstime: the 14th to 17th field, of which two stand before the name's end.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

function watchVram(encoder: Encoder): { stop(): Promise<number | null> } {
  if (encoder.kind !== 'nvenc') return { stop: () => Promise.resolve(null) };
  let most: number | null = null;
  let isOver = false;
  const sample = async (): Promise<void> => {
    while (!isOver) {
      const used = Number(await smi(encoder, 'memory.used'));
      if (!Number.isFinite(used) || used === 0) return;
      most = Math.max(most ?? 0, used);
      await new Promise((resolve) => setTimeout(resolve, sampleMs));
    }
  };
  const sampling = sample();
  return {
    stop: async () => {
      isOver = true;
      await sampling;
      return most;
    },
  };
}

async function gpuName(encoder: Encoder): Promise<string | null> {
  if (encoder.kind !== 'nvenc') return encoder.device;
  const name = await smi(encoder, 'name');
  return name === '' ? null : name;
}

/** One value of nvidia-smi; empty where it is not there. */
async function smi(encoder: Encoder, field: string): Promise<string> {
  const result = await runTool({
    binary: 'nvidia-smi',
    args: [`--id=${encoder.device ?? '0'}`, `--query-gpu=${field}`, '--format=csv,noheader,nounits'],
    timeoutMs: 10_000,
  });
  return result.code === 0 ? result.stdout.toString('utf8').trim() : '';
}
