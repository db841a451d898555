import { deletionHealth, waitingPurges, type WaitingPurge } from '../db/deletion-health.ts';
import type { Db } from '../db/sql.ts';
import { sweepState } from '../db/sweep-state.ts';
import { isoTime } from './schemas/common.ts';
import type { StatusAnswer } from './schemas/service.ts';
import { monthCertifiedMs } from '../domain/certificate.ts';

type Problem = StatusAnswer['problems'][number];

const hourMs = 3_600_000;
/** Footage is promised to be gone an hour after it is due; sweeps come every 15 minutes. */
export const sweepOverdueMs = hourMs;
/** Certificates are issued hourly; a store that is away for a night is another problem than this. */
const certificateOverdueMs = 24 * hourMs;

/** How purges that wait are called, and after how long it is not usual any more. */
const purgeProblems: Record<WaitingPurge['waitsFor'], { code: NonNullable<Problem['code']>; afterMs: number }> = {
  hold: { code: 'purge-held', afterMs: 0 },
  store: { code: 'purge-locked', afterMs: 0 },
  // A step is tried again after a minute at most: what is short passes by itself.
  error: { code: 'purge-failing', afterMs: 10 * 60_000 },
  spool: { code: 'purge-waiting', afterMs: hourMs },
  'finish-job': { code: 'purge-waiting', afterMs: 2 * hourMs },
  workflow: { code: 'purge-waiting', afterMs: hourMs },
  work: { code: 'purge-waiting', afterMs: 12 * hourMs },
};

/** What is wrong with sweeps, purges and their certificates, for the status. */
export async function deletionProblems(db: Db, nowMs: number, limit: number): Promise<Problem[]> {
  const [{ stopped }, health, purges] = await Promise.all([
    sweepState(db),
    deletionHealth(db),
    waitingPurges(db, nowMs, limit),
  ]);
  const problems: Problem[] = [];
  const add = (code: Problem['code'], name: string, what: string, sinceMs: number): void => {
    problems.push({ kind: 'archive', id: code ?? '', name, code, what, since: isoTime(sinceMs) });
  };
  const { sweptMs, refused, refusedSinceMs, uncollected, uncollectedSinceMs, uncertifiedMs } = health;
  const sweep = 'The retention sweep';
  if (stopped !== null) {
    add('sweep-stopped', sweep, `is stopped and waits for an operator: ${stopped.text}`, stopped.atMs);
  } else if (sweptMs !== null && nowMs - sweptMs > sweepOverdueMs) {
    add('sweep-overdue', sweep, 'has not come to its end for more than an hour', sweptMs);
  }
  if (refusedSinceMs !== null) {
    add('sweep-refused', sweep, `the store does not delete ${objects(refused)}`, refusedSinceMs);
  }
  if (uncollectedSinceMs !== null) {
    add('collector-refused', 'The collector', `the store does not delete ${objects(uncollected)}`, uncollectedSinceMs);
  }
  const certifyMs = uncertifiedMs === null ? Infinity : monthCertifiedMs(uncertifiedMs);
  if (nowMs - certifyMs > certificateOverdueMs) {
    const month = isoTime(uncertifiedMs ?? 0).slice(0, 7);
    add('certificate-overdue', 'Certificates', `rolling deletions of ${month} are in no certificate`, certifyMs);
  }
  for (const { cameraId, name, waitsFor, reason, sinceMs } of purges) {
    const { code, afterMs } = purgeProblems[waitsFor];
    if (nowMs - sinceMs < afterMs) continue;
    const what = `purge ${waitsFor === 'error' ? 'fails' : 'waits'}: ${reason ?? `for its ${waitsFor}`}`;
    problems.push({ kind: 'camera', id: cameraId, name, code, what, since: isoTime(sinceMs) });
  }
  return problems;
}

function objects(count: number): string {
  return count === 1 ? '1 object' : `${count} objects`;
}
