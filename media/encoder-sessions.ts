import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  afterRefusal,
  afterSuccess,
  allowedSessions,
  describeCeiling,
  describeChange,
  retryAfterMs,
  unknownCeiling,
  type Ceiling,
} from '../domain/encoder-ceiling.ts';
import { errorText } from '../errors.ts';
import { EncodeError, isFull } from './encode-errors.ts';

/** A session of this host's driver; every one ends in `release`. */
export interface EncoderSession {
  /** The driver gave it: it encodes. */
  given(): Promise<void>;
  /** The driver refused it. */
  refused(): Promise<void>;
  release(): Promise<void>;
}

export interface SessionsStatus {
  /** By all workers of this host. */
  used: number;
  /** Null = not known: none was refused. */
  ceiling: number | null;
  /** How many may run now, of all workers: one above the ceiling once that is due; null = no limit is known. */
  allowed: number | null;
  reason: string;
}

/** The driver gives fewer sessions than it did, or more; told by the worker that met it, once a host. */
export interface CeilingChange {
  /** Null = it had refused none so far. */
  from: number | null;
  to: number;
  reason: string;
  atMs: number;
}

/** All of it throws EncodeError `no-session-file` where the file cannot be read or written. */
export interface EncoderSessions {
  /** A session, or how long to wait for one. */
  take(): Promise<EncoderSession | { retryAfterMs: number }>;
  status(): Promise<SessionsStatus>;
}

/** A holder that did not renew for so long is dead: its ffmpeg ended with it, at the end of its input. */
const leaseMs = 30_000;
const renewMs = 10_000;
/** The lock is held for some milliseconds; an older one was left by a kill. */
const staleLockMs = 5000;
const lockPollMs = 10;

const stateSchema = z.object({
  ceiling: z.object({ limit: z.number().nullable(), sinceMs: z.number(), riseAfterMs: z.number() }),
  /** Until when each session is held. */
  sessions: z.record(z.string(), z.number()),
});
type State = z.infer<typeof stateSchema>;

/**
 * The encoding sessions of one host, shared by all its workers through a small file: the driver counts per system.
 * @param options.folder the same for all workers of the host
 * @param options.now default Date.now
 */
export function openEncoderSessions(options: {
  folder: string;
  now?: () => number;
  onCeiling?: (change: CeilingChange) => void;
}): EncoderSessions {
  const { folder, now = Date.now } = options;
  const path = join(folder, 'encoder-sessions.json');

  /** Reads, changes and writes the file while no other worker does. */
  const change = async <T>(work: (state: State, nowMs: number) => T): Promise<T> =>
    usingFile(folder, async () => {
      const nowMs = now();
      const state = await readState(path);
      for (const [id, untilMs] of Object.entries(state.sessions)) if (untilMs <= nowMs) delete state.sessions[id];
      const result = work(state, nowMs);
      const partial = `${path}.part`;
      await writeFile(partial, JSON.stringify(state));
      await rename(partial, path);
      return result;
    });
  const setCeiling = async (
    id: string,
    next: (ceiling: Ceiling, running: number, nowMs: number) => Ceiling,
  ): Promise<void> => {
    const changed = await change((state, nowMs) => {
      const others = Object.keys(state.sessions).filter((other) => other !== id).length;
      const from = state.ceiling.limit;
      state.ceiling = next(state.ceiling, others, nowMs);
      const to = state.ceiling.limit;
      return to === null || to === from ? null : { from, to, reason: describeChange(from, to), atMs: nowMs };
    });
    if (changed !== null) options.onCeiling?.(changed);
  };

  const take = async (): Promise<EncoderSession | { retryAfterMs: number }> => {
    const id = randomUUID();
    const waitMs = await change((state, nowMs) => {
      const allowed = allowedSessions(state.ceiling, nowMs);
      if (allowed !== null && Object.keys(state.sessions).length >= allowed) return retryAfterMs(state.ceiling, nowMs);
      state.sessions[id] = nowMs + leaseMs;
      return null;
    });
    if (waitMs !== null) return { retryAfterMs: waitMs };
    const renewal = setInterval(() => {
      // A renewal that fails is made up for by the next two; then another worker may try, and the driver decides.
      void change((state, nowMs) => (state.sessions[id] = nowMs + leaseMs)).catch(() => undefined);
    }, renewMs);
    renewal.unref();
    return {
      given: () => setCeiling(id, (ceiling, others, nowMs) => afterSuccess(ceiling, others + 1, nowMs)),
      refused: () => setCeiling(id, afterRefusal),
      release: () => {
        clearInterval(renewal);
        return change((state) => void delete state.sessions[id]);
      },
    };
  };
  const status = (): Promise<SessionsStatus> =>
    change((state, nowMs) => ({
      used: Object.keys(state.sessions).length,
      ceiling: state.ceiling.limit,
      allowed: allowedSessions(state.ceiling, nowMs),
      reason: describeCeiling(state.ceiling, nowMs),
    }));
  return { take, status };
}

/**
 * Encodes within a session, whose fate the host's file is told.
 * @param onUncounted told where that failed: what the driver did stands all the same
 * @throws EncodeError `session-limit` where none is free; what `work` throws
 */
export async function withSession<T>(
  sessions: EncoderSessions,
  work: () => Promise<T>,
  onUncounted: (error: unknown) => void,
): Promise<T> {
  const session = await sessions.take();
  if ('retryAfterMs' in session) {
    throw new EncodeError('session-limit', 'All sessions that the driver gives are in use.', session);
  }
  try {
    const result = await work();
    await session.given().catch(onUncounted);
    return result;
  } catch (error) {
    if (isFull(error)) await session.refused().catch(onUncounted);
    throw error;
  } finally {
    await session.release().catch(onUncounted);
  }
}

/** What is missing or spoilt is learned anew. */
async function readState(path: string): Promise<State> {
  const empty: State = { ceiling: { ...unknownCeiling }, sessions: {} };
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text === '') return empty;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch {
    return empty;
  }
}

async function usingFile<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await withLock(folder, work);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : errorText(error);
    throw new EncodeError('no-session-file', `The host's encoding sessions cannot be counted: ${code}`, {
      cause: error,
    });
  }
}

async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, 'encoder-sessions.lock');
  await mkdir(folder, { recursive: true });
  for (;;) {
    const file = await open(lock, 'wx').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return null;
      throw error;
    });
    if (file !== null) {
      await file.close();
      break;
    }
    const age = await stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > staleLockMs) await rm(lock, { force: true });
    else await sleep(lockPollMs + Math.random() * lockPollMs);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}
