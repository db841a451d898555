import { spawn, type ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import { pipeline, Readable } from 'node:stream';
import { errorText } from '../errors.ts';
import { cleanStderr, createProgressReader, parseListLine, type ListLine, type Progress } from './ffmpeg-output.ts';
import { createLineSplitter } from './lines.ts';

/** Lines of stderr kept: the telling one comes first of about ten. */
const keptLines = 60;
/** TERM lets ffmpeg finish and list its file; a stalled one ignores the first and heeds the second. */
const termMs = 5000;
const killMs = 3000;
/** After the exit, for what is left in the pipes. */
const drainMs = 2000;

export interface FfmpegExit {
  /** Null when ended by a signal or never started. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** `stop()` was called while it ran. All other exits are failures, whatever the code: ffmpeg exits 0 on a stall. */
  requested: boolean;
  /** It could not be started, or a callback threw. */
  error: Error | null;
}

export interface FfmpegOptions {
  binary: string;
  args: readonly string[];
  onListLine?: (line: ListLine) => void;
  onProgress?: (progress: Progress) => void;
  /** Redacted, without noise. */
  onStderr?: (line: string) => void;
}

export interface Ffmpeg {
  /** Undefined where it could not be started. */
  pid: number | undefined;
  /** Always settles, after the last line was delivered, and never rejects. */
  exited: Promise<FfmpegExit>;
  /** The last lines of stderr, redacted. */
  stderr(): readonly string[];
  /** TERM, 5 s, TERM, 3 s, KILL; settles with the exit. Safe to call twice. */
  stop(): Promise<FfmpegExit>;
}

/**
 * Starts a long-lived ffmpeg whose segment list comes on fd 1 and progress on fd 3.
 *
 * It runs in a process group of its own, so that Ctrl-C reaches the recorder alone, which then stops it in order.
 * Should this process be killed, the dialer's socket dies with it and ffmpeg ends by end of file within a second.
 * Memory is not capped: the copying ffmpeg stays near 54 MB, since nothing is queued between demuxer and muxer.
 */
export function startFfmpeg(options: FfmpegOptions): Ffmpeg {
  const child = spawn(options.binary, [...options.args], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true });
  const stderr: string[] = [];
  let requested = false;
  let failure: Error | null = null;
  const fail = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error(errorText(error));
    child.kill('SIGKILL');
  };
  const readProgress = createProgressReader((progress) => options.onProgress?.(progress));
  const progressPipe = child.stdio[3];
  readLines(child.stdout, fail, (line) => {
    const listed = parseListLine(line);
    if (listed !== null) options.onListLine?.(listed);
  });
  readLines(progressPipe instanceof Readable ? progressPipe : null, fail, readProgress);
  readLines(child.stderr, fail, (line) => {
    const clean = cleanStderr(line);
    if (clean === null) return;
    stderr.push(clean);
    if (stderr.length > keptLines) stderr.shift();
    options.onStderr?.(clean);
  });
  const exited = settled(child).then(({ code, signal, error }) => ({
    code,
    signal,
    requested,
    error: failure ?? error,
  }));
  const stop = async (): Promise<FfmpegExit> => {
    if (!requested && child.exitCode === null && child.signalCode === null) {
      requested = true;
      await endByLadder(child, exited);
    }
    return exited;
  };
  return { pid: child.pid, exited, stderr: () => stderr, stop };
}

export interface ToolOptions {
  binary: string;
  args: readonly string[];
  timeoutMs: number;
  signal?: AbortSignal;
  /** A stream that fails ends the input early: the tool then sees a whole, shorter file, so abort it by `signal`. */
  stdin?: string | Uint8Array | Readable;
  /** Each line as it comes, redacted: of a long complaint the first line tells, and `stderr` keeps the last ones. */
  onStderr?: (line: string) => void;
  /** More on stdout ends the tool; default 4 MiB. */
  maxStdoutBytes?: number;
  /** How far it gives way to other processes, 0 to 19; default 0. */
  niceness?: number;
}

export interface ToolResult {
  /** What ended it; the first cause wins. */
  cause: 'exit' | 'timeout' | 'aborted' | 'too-much-output' | 'not-started';
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  /** The last lines, redacted; why it was not started, too. */
  stderr: string[];
}

/** Runs a tool to its end. Never rejects: what went wrong stands in the result. */
export async function runTool(options: ToolOptions): Promise<ToolResult> {
  const { maxStdoutBytes = 4 * 1024 * 1024, signal: abort } = options;
  if (abort?.aborted === true)
    return { cause: 'aborted', code: null, signal: null, stdout: Buffer.alloc(0), stderr: [] };
  const child = spawn(options.binary, [...options.args], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let cause: ToolResult['cause'] | null = null;
  const end = (why: ToolResult['cause']): void => {
    cause ??= why;
    child.kill('SIGKILL');
  };
  // At once: threads have that of the one that starts them.
  if (options.niceness !== undefined && child.pid !== undefined) giveWay(child.pid, options.niceness);
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxStdoutBytes) end('too-much-output');
    else chunks.push(chunk);
  });
  const stderr: string[] = [];
  readLines(
    child.stderr,
    () => undefined,
    (line) => {
      const clean = cleanStderr(line);
      if (clean === null) return;
      stderr.push(clean);
      if (stderr.length > keptLines) stderr.shift();
      options.onStderr?.(clean);
    },
  );
  // A tool may end before it has read all its input (EPIPE); its exit then tells.
  child.stdin.on('error', (error) => stderr.push(`stdin: ${error.message}`));
  if (options.stdin instanceof Readable) pipeline(options.stdin, child.stdin, () => undefined);
  else child.stdin.end(options.stdin);
  const onAbort = (): void => end('aborted');
  abort?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => end('timeout'), options.timeoutMs);
  const { code, signal, error } = await settled(child);
  clearTimeout(timer);
  abort?.removeEventListener('abort', onAbort);
  if (error !== null) stderr.push(error.message);
  const ended = cause ?? (error === null ? 'exit' : 'not-started');
  return { cause: ended, code, signal, stdout: Buffer.concat(chunks), stderr };
}

function giveWay(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch (error) {
    // It has ended already, as its exit tells.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error;
  }
}

async function endByLadder(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGTERM', termMs],
    ['SIGTERM', killMs],
  ] as const) {
    child.kill(signal);
    if (await endsWithin(exited, waitMs)) return;
  }
  child.kill('SIGKILL');
}

async function endsWithin(exited: Promise<unknown>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), waitMs);
  });
  const ended = await Promise.race([exited.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}

/** Settles once the child is gone and its pipes are read, or after `drainMs` where another process holds them. */
function settled(
  child: ChildProcess,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; error: Error | null }> {
  return new Promise((resolve) => {
    let drain: NodeJS.Timeout | undefined;
    let error: Error | null = null;
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(drain);
      for (const pipe of child.stdio) pipe?.destroy();
      resolve({ code, signal, error });
    };
    child.once('error', (cause) => {
      error = cause;
      if (child.pid === undefined) finish(null, null);
    });
    child.once('exit', (code, signal) => {
      drain = setTimeout(() => finish(code, signal), drainMs);
    });
    child.once('close', (code, signal) => finish(code, signal));
  });
}

function readLines(stream: Readable | null, onError: (error: unknown) => void, onLine: (line: string) => void): void {
  if (stream === null) return;
  const splitter = createLineSplitter(onLine);
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      onError(error);
    }
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => guarded(() => splitter.push(chunk)));
  stream.on('end', () => guarded(() => splitter.end()));
  stream.on('error', onError);
}
