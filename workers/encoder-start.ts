import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeEncoder, upsertEncoder } from '../db/encoders.ts';
import { redact } from '../domain/redact.ts';
import { errorText } from '../errors.ts';
import type { RoleContext, RunningRole } from './role.ts';

/** A worker that is silent for 15 s counts as gone: while it cannot start, it says so more often. */
const longestWaitMs = 8_000;

/**
 * Starts the role `encoder`, again and again until it stands, so that a folder that is full or cannot be written stops
 * no recording of the same process. Meanwhile the worker is listed without slots and with what is wrong.
 * @param start given the worker's id
 */
export function startWhenPossible(
  context: Pick<RoleContext, 'db' | 'log' | 'now'>,
  workerId: string,
  start: (workerId: string) => Promise<RunningRole>,
  firstWaitMs = 1_000,
): RunningRole {
  const { db, log, now } = context;
  const stopped = new AbortController();

  async function show(reason: string): Promise<void> {
    const none = { kind: 'none', slots: 0, used: 0, joinSlots: 0, joinUsed: 0, ceiling: null, ceilingReason: null };
    await upsertEncoder(db, { workerId, host: hostname(), ...none, reason, spoolHostId: null, seenMs: now() });
  }

  async function untilStarted(): Promise<RunningRole | null> {
    for (let waitMs = firstWaitMs; !stopped.signal.aborted; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      try {
        return await start(workerId);
      } catch (error) {
        log.error({ cause: errorText(error), waitMs }, 'the encoder cannot start; tried again');
        await show(`It cannot start: ${redact(errorText(error))}`).catch((cause: unknown) =>
          log.warn({ cause: errorText(cause) }, 'sign of life not written'),
        );
        await sleep(waitMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      }
    }
    return null;
  }
  const started = untilStarted();

  async function end(how: 'drain' | 'stop'): Promise<void> {
    stopped.abort();
    const role = await started;
    if (role !== null) return role[how]();
    await removeEncoder(db, workerId, now()).catch((error: unknown) =>
      log.warn({ cause: errorText(error) }, 'this encoder is listed until it is not seen any more'),
    );
  }
  return { drain: () => end('drain'), stop: () => end('stop') };
}
