import { readdir } from 'node:fs/promises';
import type { EncoderKind, EncoderSetting } from '../config.ts';
import { encodeArguments, type Encoder } from './encode-arguments.ts';
import { createEncodeClassifier, isFull, type EncodeError } from './encode-errors.ts';
import { failureOf } from './encode-file.ts';
import { runTool } from './ffmpeg.ts';
import { probeClip } from './probe-clip.ts';

/** The first use of a GPU loads its driver, seconds on a cold machine. */
const probeMs = 30_000;
/** More cards in one host than any we know of. */
const mostGpus = 16;

export interface ProbeOptions {
  ffmpeg: string;
  signal?: AbortSignal;
}

/**
 * Encodes two frames with this encoder, decoding and scaling on its device: `-encoders` lists what was compiled in,
 * whether or not there is a device.
 * @returns null where it works; `isFull` of an error says that it would, were others not using it up
 */
export async function probeEncoder(encoder: Encoder, options: ProbeOptions): Promise<EncodeError | null> {
  const failure = await probeOnce(encoder, encoder.kind === 'x264' ? 'cpu' : 'gpu', options);
  if (failure?.failure === 'unsupported-input') return probeOnce(encoder, 'cpu', options);
  return failure;
}

async function probeOnce(encoder: Encoder, decode: 'gpu' | 'cpu', options: ProbeOptions): Promise<EncodeError | null> {
  const classifier = createEncodeClassifier();
  const result = await runTool({
    binary: options.ffmpeg,
    args: encodeArguments({
      encoder,
      decode,
      target: { width: 320, height: 180, fps: 10, resample: true, bitrateKbps: 200, audio: 'none' },
      source: { width: 640, height: 360 },
      startSeconds: 0,
      input: 'pipe:0',
      output: 'pipe:1',
    }),
    timeoutMs: probeMs,
    stdin: probeClip,
    onStderr: (line) => classifier.push(line),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return failureOf(result, classifier.result());
}

/** The encoders to try, best first: NVENC, then the other GPUs, x264 where the operator lets it have the cores. */
export async function candidateEncoders(wanted: EncoderSetting, options: ProbeOptions): Promise<Encoder[]> {
  const wants = (kind: EncoderKind): boolean => wanted === 'auto' || wanted.includes(kind);
  const nodes = wants('vaapi') || wants('qsv') ? await renderNodes() : [];
  // One that is asked for by name shows why it does not work.
  const devices = nodes.length > 0 || wanted === 'auto' ? nodes : ['/dev/dri/renderD128'];
  return [
    ...(wants('nvenc') ? await nvidiaGpus(options) : []),
    ...(['vaapi', 'qsv'] as const).flatMap((kind) => (wants(kind) ? devices.map((device) => ({ kind, device })) : [])),
    ...(wants('x264') ? [{ kind: 'x264' as const, device: null }] : []),
  ];
}

/** The first card in any case, the others as long as they work. */
async function nvidiaGpus(options: ProbeOptions): Promise<Encoder[]> {
  const gpus: Encoder[] = [{ kind: 'nvenc', device: '0' }];
  for (let i = 1; i < mostGpus; i++) {
    // In order: the first number that does not work ends the search.
    const last = gpus[gpus.length - 1];
    const failure = last === undefined ? null : await probeEncoder(last, options);
    if (failure !== null && !isFull(failure)) return i === 1 ? gpus : gpus.slice(0, -1);
    gpus.push({ kind: 'nvenc', device: String(i) });
  }
  return gpus;
}

async function renderNodes(): Promise<string[]> {
  const names = await readdir('/dev/dri').catch(() => []);
  return names
    .filter((name) => name.startsWith('renderD'))
    .toSorted()
    .map((name) => `/dev/dri/${name}`);
}
