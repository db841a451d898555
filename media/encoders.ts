import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EncoderKind, EncoderSetting } from '../config.ts';
import { encodeTarget, type ProfileSpec } from '../domain/profile.ts';
import { errorText } from '../errors.ts';
import type { Encoder } from './encode-arguments.ts';
import { EncodeError, isFull, type EncodeFailure } from './encode-errors.ts';
import { createEncodeGate } from './encode-gate.ts';
import { encodeFile, type EncodeResult } from './encode-file.ts';
import { candidateEncoders, probeEncoder } from './encoder-probe.ts';
import { openEncoderSessions, withSession, type CeilingChange, type SessionsStatus } from './encoder-sessions.ts';
import type { Sources } from './join.ts';

/** One step of the ladder. */
export interface Rung {
  encoder: Encoder;
  state: 'up' | 'down';
  /** Why it is down, or what shows that it is up. */
  reason: string;
  sinceMs: number;
  /** Encodes of this process on it. */
  running: number;
}

/** An encoder went down or came back, or a job had to leave one. */
export interface EncoderStep {
  kind: 'down' | 'up' | 'job';
  encoder: Encoder;
  /** The best one left below it; null = none, sources stay as they are. For `up` it has no meaning. */
  next: EncoderKind | null;
  /** Null for `up`. */
  failure: EncodeFailure | null;
  reason: string;
  atMs: number;
}

export interface EncodersStatus {
  /** Best first; empty = sources stay as they are. */
  ladder: Rung[];
  /** NVENC's, of this host. */
  sessions: SessionsStatus;
}

export interface EncodeJob {
  sources: Sources;
  profile: ProfileSpec;
  /** A path; the file is there only when the job succeeds. */
  output: string;
  signal?: AbortSignal;
  /** 0 to 1; begins anew on each step down. */
  onProgress?: (done: number) => void;
}

export interface Encoders {
  status(): Promise<EncodersStatus>;
  /**
   * Asks again those that are down and whose wait is over. To be called now and then: where all are down this host gets
   * no job by which it could find out.
   */
  askAgain(): Promise<void>;
  /**
   * Encodes with the best encoder that is up, stepping down where one fails.
   * @throws EncodeError 'retry-later': back to the queue, after `retryAfterMs` where known (no session free, no encoder
   * left; the sources stay as they are); 'give-up': this job failed on every encoder, so it counts towards parking
   */
  encode(job: EncodeJob): Promise<EncodeResult>;
}

/** Of a rung that is up. */
const encodes = 'It encoded two frames.';
/** A device that is gone is asked for again, after twice the time each time it stays away. */
const firstReturnMs = 60_000;
const longestReturnMs = 30 * 60_000;

/**
 * The encoders of this process, proved by encoding.
 * @param options.x264Slots jobs that leave a GPU wait here for the CPU, however many the GPU had; default as they come
 * @param options.hostFolder shared by all workers of this host; default in the system's temporary folder
 */
export function createEncoders(options: {
  ffmpeg: string;
  wanted: EncoderSetting;
  x264Slots?: number;
  hostFolder?: string;
  onStep?: (step: EncoderStep) => void;
  onCeiling?: (change: CeilingChange) => void;
  now?: () => number;
}): Encoders {
  const { ffmpeg, wanted, x264Slots = Infinity, now = Date.now } = options;
  const folder = options.hostFolder ?? join(tmpdir(), 'framekeep-encoders');
  const { onCeiling } = options;
  const sessions = openEncoderSessions({ folder, now, ...(onCeiling === undefined ? {} : { onCeiling }) });
  const cpu = createEncodeGate(() => x264Slots);
  const returns = new Map<Rung, { atMs: number; waitMs: number }>();
  const asked = new Map<Rung, Promise<unknown>>();
  let known: Rung[] = [];
  let probing: Promise<Rung[]> | null = null;

  const step = (kind: EncoderStep['kind'], rung: Rung, error: EncodeError | null): void => {
    const next = known.slice(known.indexOf(rung) + 1).find(({ state }) => state === 'up');
    options.onStep?.({
      kind,
      encoder: rung.encoder,
      next: next?.encoder.kind ?? null,
      failure: error?.failure ?? null,
      reason: error?.message ?? 'It encodes again.',
      atMs: now(),
    });
  };
  const setDown = (rung: Rung, error: EncodeError): void => {
    const waitMs = Math.min((returns.get(rung)?.waitMs ?? firstReturnMs / 2) * 2, longestReturnMs);
    returns.set(rung, { atMs: now() + waitMs, waitMs });
    const wasUp = rung.state === 'up';
    Object.assign(rung, { state: 'down', reason: error.message, ...(wasUp ? { sinceMs: now() } : {}) });
    if (wasUp) step('down', rung, error);
  };
  /** @returns why the sessions of a card cannot be counted, or null where they can, or need not be */
  const uncounted = async ({ encoder }: Rung): Promise<EncodeError | null> => {
    if (encoder.kind !== 'nvenc') return null;
    return sessions.status().then(() => null, asEncodeError);
  };
  /** @returns why it does not work, or null */
  const prove = async (rung: Rung): Promise<EncodeError | null> => {
    const answer = await probeEncoder(rung.encoder, { ffmpeg });
    const failure = answer === null || isFull(answer) ? await uncounted(rung) : answer;
    if (failure !== null) {
      setDown(rung, failure);
      return failure;
    }
    returns.delete(rung);
    rung.reason = answer === null ? encodes : `It is there, and full: ${answer.message}`;
    if (rung.state === 'up') return null;
    Object.assign(rung, { state: 'up', sinceMs: now() });
    if (known.includes(rung)) step('up', rung, null);
    return null;
  };
  /** Jobs and the clock may want it at the same time. */
  const askWhenDue = async (rung: Rung): Promise<void> => {
    if (rung.state === 'up' || now() < (returns.get(rung)?.atMs ?? 0)) return;
    const asking = asked.get(rung) ?? prove(rung).finally(() => asked.delete(rung));
    asked.set(rung, asking);
    await asking;
  };
  const probeAll = async (): Promise<Rung[]> => {
    const candidates = await candidateEncoders(wanted, { ffmpeg });
    const rungs = candidates.map((encoder): Rung => {
      return { encoder, state: 'down', reason: 'It was not tried yet.', sinceMs: now(), running: 0 };
    });
    // One at a time: probes must not take each other's sessions.
    const failures: [Rung, EncodeError][] = [];
    for (const rung of rungs) {
      const failure = await prove(rung);
      if (failure !== null) failures.push([rung, failure]);
    }
    known = rungs;
    for (const [rung, failure] of failures) step('down', rung, failure);
    return rungs;
  };
  const ladder = (): Promise<Rung[]> => (probing ??= probeAll());

  const status = async (): Promise<EncodersStatus> => {
    const rungs = await ladder();
    const cards = rungs.filter(({ encoder }) => encoder.kind === 'nvenc');
    const used = cards.reduce((sum, { running }) => sum + running, 0);
    const unknown = (reason: string): SessionsStatus => ({ used, ceiling: null, allowed: null, reason });
    const counted =
      cards.length === 0
        ? unknown('No driver here counts sessions.')
        : await sessions.status().catch((error: unknown) => unknown(asEncodeError(error).message));
    return { ladder: rungs.map((rung) => ({ ...rung })), sessions: counted };
  };
  const askAgain = async (): Promise<void> => {
    for (const rung of await ladder()) await askWhenDue(rung);
  };

  const encodeOn = async (rung: Rung, job: EncodeJob): Promise<EncodeResult> => {
    rung.running += 1;
    try {
      const { profile, ...request } = job;
      const target = encodeTarget(profile, job.sources.facts);
      const result = await encodeFile({ ...request, ffmpeg, encoder: rung.encoder, target });
      rung.reason = encodes;
      return result;
    } finally {
      rung.running -= 1;
    }
  };

  const inTurn = (rung: Rung, job: EncodeJob): Promise<EncodeResult> => {
    const work = (): Promise<EncodeResult> => encodeOn(rung, job);
    switch (rung.encoder.kind) {
      case 'x264':
        return cpu.run(work, { signal: job.signal, onWaiting: () => job.onProgress?.(0) });
      case 'nvenc':
        return withSession(sessions, work, (error) => setDown(rung, asEncodeError(error)));
      default:
        return work();
    }
  };

  const encode = async (job: EncodeJob): Promise<EncodeResult> => {
    const rungs = await ladder();
    let ofJob: EncodeError | null = null;
    // The least busy of equal cards first; the sort keeps the ladder's order otherwise.
    const kinds = [...new Set(rungs.map(({ encoder }) => encoder.kind))];
    const order = rungs.toSorted(
      (a, b) => kinds.indexOf(a.encoder.kind) - kinds.indexOf(b.encoder.kind) || a.running - b.running,
    );
    for (const rung of order) {
      await askWhenDue(rung);
      if (rung.state === 'down') continue;
      try {
        return await inTurn(rung, job);
      } catch (error) {
        if (!(error instanceof EncodeError)) throw error;
        if (error.action === 'retry-later' || error.action === 'give-up') throw error;
        if (error.action === 'encoder-off') {
          setDown(rung, error);
          continue;
        }
        ofJob ??= error;
        step('job', rung, error);
        // Words we do not know may mean that the device is gone.
        if (error.failure === 'failed') await prove(rung);
      }
    }
    if (ofJob !== null) throw new EncodeError(ofJob.failure, ofJob.message, { cause: ofJob, action: 'give-up' });
    const why = rungs.map(({ encoder, reason }) => `${encoder.kind}: ${reason}`).join('; ');
    throw new EncodeError('no-encoder', why === '' ? 'No encoder is set up.' : `No encoder works. ${why}`, {
      retryAfterMs: firstReturnMs,
    });
  };
  return { status, askAgain, encode };
}

function asEncodeError(error: unknown): EncodeError {
  return error instanceof EncodeError ? error : new EncodeError('failed', errorText(error), { cause: error });
}
