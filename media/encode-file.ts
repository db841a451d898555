import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { EncodeTarget } from '../domain/profile.ts';
import { errorText } from '../errors.ts';
import { beating } from './beating.ts';
import { encodeArguments, type Encoder, type EncodeOptions } from './encode-arguments.ts';
import { decodeKeys } from './decode-keys.ts';
import { createEncodeClassifier, EncodeError } from './encode-errors.ts';
import { runTool, type ToolResult } from './ffmpeg.ts';
import { joinedChunks, type Sources } from './join.ts';
import { readIndex, type SegmentIndex } from './mp4-index.ts';
import { framesOf, verifyFinal } from './verify-final.ts';

export interface EncodeRequest {
  /** The binary. */
  ffmpeg: string;
  encoder: Encoder;
  sources: Sources;
  target: EncodeTarget;
  /** A path; the file is there only when this succeeds. */
  output: string;
  signal?: AbortSignal;
  /**
   * How much of the sources the encoder has taken in, 0 to 1: also its sign of life, which comes every 5 s where
   * nothing moves: while it stalls, until it is given up, and while the result is verified.
   */
  onProgress?: (done: number) => void;
  /** Of that sign of life; default 5 s. */
  beatMs?: number;
}

export interface EncodeResult {
  encoder: Encoder;
  decode: 'gpu' | 'cpu';
  index: SegmentIndex;
  frames: number;
  durationMs: number;
  bytes: number;
}

/** A running encode takes some of its input every second; a hung GPU driver takes none for ever. */
const stallMs = 60_000;
/** Recorders on the same host come first: finals can wait, packets cannot. */
export const x264Niceness = 10;
/** A window of 50 minutes at a tenth of real time; the watch above sees real stalls long before. */
const longestMs = 9 * 3600 * 1000;

/**
 * Encodes joined sources with one encoder and verifies the result; where the device cannot decode them, once more
 * with the decoder of the CPU.
 * @throws EncodeError
 */
export async function encodeFile(request: EncodeRequest): Promise<EncodeResult> {
  let taken = 0;
  const onProgress = (done: number): void => {
    taken = done;
    request.onProgress?.(done);
  };
  return beating(
    () => request.onProgress?.(taken),
    () => encodeOn({ ...request, onProgress }),
    request.beatMs,
  );
}

async function encodeOn(request: EncodeRequest): Promise<EncodeResult> {
  if (request.encoder.kind === 'x264') return attempt(request, 'cpu');
  try {
    return await attempt(request, 'gpu');
  } catch (error) {
    if (!(error instanceof EncodeError) || error.failure !== 'unsupported-input') throw error;
    return await attempt(request, 'cpu');
  }
}

async function attempt(request: EncodeRequest, decode: 'gpu' | 'cpu'): Promise<EncodeResult> {
  const { encoder, sources, target, output } = request;
  try {
    await runEncode(request, {
      encoder,
      decode,
      target,
      source: sources.facts,
      startSeconds: sources.first.startSeconds,
      // Through a pipe also where there is one file: should this process be killed, ffmpeg ends at the end of its input
      // and gives its encoder session back.
      input: 'pipe:0',
      output,
    });
    const index = await readIndex(output);
    const problems = verifyFinal(index, sources, target);
    if (problems.length === 0) {
      const keys = index.fragments.filter(({ key }) => key).length;
      const undecodable = await decodeKeys(request.ffmpeg, output, keys, request.signal);
      if (request.signal?.aborted === true) throw new EncodeError('aborted', 'The encode was called off.');
      if (undecodable !== null) problems.push(undecodable);
    }
    if (problems.length > 0) throw new EncodeError('bad-result', `The result was refused: ${problems.join('; ')}`);
    const last = index.fragments[index.fragments.length - 1];
    const endTicks = (last?.tfdt ?? 0) + (last?.durationTicks ?? 0);
    return {
      encoder,
      decode,
      index,
      frames: framesOf(index),
      durationMs: Math.round(((endTicks - (index.fragments[0]?.tfdt ?? 0)) * 1000) / index.timescale),
      bytes: (await stat(output)).size,
    };
  } catch (error) {
    await rm(output, { force: true });
    throw error instanceof EncodeError ? error : new EncodeError('bad-result', errorText(error), { cause: error });
  }
}

/** @throws EncodeError */
async function runEncode(request: EncodeRequest, options: EncodeOptions): Promise<void> {
  const { sources, signal } = request;
  const classifier = createEncodeClassifier();
  const end = new AbortController();
  let cause: EncodeError | null = null;
  const endBy = (error: EncodeError): void => {
    cause ??= error;
    end.abort();
  };
  const onAbort = (): void => endBy(new EncodeError('aborted', 'The encode was called off.'));
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const watch = createWatch(stallMs, () =>
    endBy(new EncodeError('stalled', `The encoder took nothing for ${stallMs / 1000} s.`)),
  );
  async function* feed(): AsyncGenerator<Buffer> {
    const chunks = joinedChunks(sources);
    let taken = 0;
    try {
      for (;;) {
        // Not `for await`: when ffmpeg ends early, the pipe's error is thrown into this generator where it yields, and
        // it must not be taken for one of the sources.
        const next = await chunks.next().catch((error: unknown) => {
          endBy(unreadable(error));
          throw error;
        });
        if (next.done === true) return;
        yield next.value;
        taken += next.value.length;
        watch.touch();
        request.onProgress?.(Math.min(1, taken / sources.bytes));
      }
    } finally {
      await chunks.return(undefined);
    }
  }
  try {
    const result = await runTool({
      binary: request.ffmpeg,
      args: encodeArguments(options),
      timeoutMs: longestMs,
      signal: end.signal,
      stdin: Readable.from(feed(), { objectMode: false }),
      onStderr: (line) => classifier.push(line),
      ...(options.encoder.kind === 'x264' ? { niceness: x264Niceness } : {}),
    });
    const failure = cause ?? failureOf(result, classifier.result());
    if (failure !== null) throw failure;
  } finally {
    watch.stop();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Without the file's path, which the error's own message shows. */
function unreadable(error: unknown): EncodeError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : errorText(error);
  return new EncodeError('bad-source', `A source could not be read: ${code}`, { cause: error });
}

/** What a run of ffmpeg that encodes failed by; null = it did not. */
export function failureOf(
  result: ToolResult,
  named: ReturnType<ReturnType<typeof createEncodeClassifier>['result']>,
): EncodeError | null {
  if (result.cause === 'exit' && result.code === 0) return null;
  if (result.cause === 'not-started') return new EncodeError('not-built-in', 'ffmpeg could not be started.');
  if (named !== null) return new EncodeError(named.failure, named.line);
  if (result.cause === 'aborted') return new EncodeError('aborted', 'The encode was called off.');
  if (result.cause === 'timeout') return new EncodeError('stalled', 'The encode took too long.');
  if (result.signal !== null) return new EncodeError('killed', `ffmpeg was ended by ${result.signal}.`);
  const line = result.stderr.find((text) => /\[(error|fatal)\]/.test(text)) ?? result.stderr.at(-1) ?? 'no word';
  return new EncodeError('failed', line.replace(/^(\[[^\]]*\]\s*)+/, '').trim());
}

/** Calls once where nothing touches it for so long. */
function createWatch(limitMs: number, onStall: () => void): { touch(): void; stop(): void } {
  const timer = setTimeout(onStall, limitMs);
  return { touch: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}
