import { countFindings } from '../db/reconcile-findings.ts';
import { lastCompared, reconcileState } from '../db/reconcile-passes.ts';
import type { Db } from '../db/sql.ts';
import { dayMs } from '../domain/retention.ts';
import { isoTime } from './schemas/common.ts';
import type { StatusAnswer } from './schemas/service.ts';

type Problem = StatusAnswer['problems'][number];

/** What was lost stays in the list of findings for ever, and for so long among what is wrong now. */
const lossShownMs = 7 * dayMs;
/** A pass comes daily, and of a large archive it takes hours. */
const overdueMs = 3 * dayMs;

/** What is wrong with what is stored, for the status. */
export async function reconcileProblems(db: Db, nowMs: number): Promise<StatusAnswer['problems']> {
  const [{ stopped }, comparedMs, findings] = await Promise.all([
    reconcileState(db),
    lastCompared(db),
    countFindings(db, { missingSinceMs: nowMs - lossShownMs }),
  ]);
  const problems: StatusAnswer['problems'] = [];
  const add = (id: string, code: Problem['code'], what: string, sinceMs: number): void => {
    problems.push({ kind: 'archive', id, name: 'The archive', code, what, since: isoTime(sinceMs) });
  };
  if (stopped !== null) {
    add('reconcile', 'reconcile-stopped', `reconcile is stopped: ${stopped.text}`, stopped.atMs);
  } else if (comparedMs !== null && nowMs - comparedMs > overdueMs) {
    const what = 'bucket and catalogue have not been compared as a whole for more than 3 days';
    add('overdue', 'reconcile-overdue', what, comparedMs);
  }
  for (const { state, count, held, sinceMs } of findings) {
    const evidence = held > 0 ? `, ${held} of them HELD AS EVIDENCE` : '';
    const segments = count === 1 ? '1 segment' : `${count} segments`;
    if (state === 'missing')
      add('missing', 'footage-missing', `${segments} lost: the store does not have the objects${evidence}`, sinceMs);
    if (state === 'damaged')
      add('damaged', 'footage-damaged', `${segments} damaged: not what was catalogued${evidence}`, sinceMs);
  }
  return problems;
}
