import { lastRollUp } from '../db/coverage.ts';
import type { Db } from '../db/sql.ts';
import { isoTime } from './schemas/common.ts';
import type { StatusAnswer } from './schemas/service.ts';

/** It comes hourly, and takes minutes. */
const coverageOverdueMs = 3 * 3_600_000;

/** Whether coverage is counted, for the status. */
export async function coverageProblems(db: Db, nowMs: number): Promise<StatusAnswer['problems']> {
  const { sinceMs } = await lastRollUp(db);
  if (sinceMs === null || nowMs - sinceMs <= coverageOverdueMs) return [];
  return [
    {
      kind: 'archive',
      id: 'coverage',
      name: 'Coverage',
      code: 'coverage-overdue',
      what: 'has not been counted for more than 3 hours',
      since: isoTime(sinceMs),
    },
  ];
}
