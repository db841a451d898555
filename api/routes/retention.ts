import { recordDeed } from '../../db/audit.ts';
import { readClocks } from '../../db/clock.ts';
import { changeRetention, knownTerms, undoShortening, type CameraTerms } from '../../db/retention.ts';
import { resumeSweeps, sweepState } from '../../db/sweep-state.ts';
import { transaction, type Db } from '../../db/sql.ts';
import { cutoffMs, openPause, type Shortening } from '../../domain/retention.ts';
import { doneBy, retentionDeed } from '../audit.ts';
import { deletedBy } from '../deleted-footage.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems, conflictProblem, idParams, isoTime, isoTimeOrNull } from '../schemas/common.ts';
import { retentionBody, retentionChangeSchema, retentionSchema, sweepSchema } from '../schemas/retention.ts';
import { registerRetentionPreviews } from './retention-preview.ts';

const tags = ['retention'];

/** How long footage is kept, what goes when, and the sweep that deletes it. */
export function registerRetention(app: Api, deps: ApiDeps): void {
  registerRetentionPreviews(app, deps);

  app.get(
    '/v1/cameras/:id/retention',
    {
      schema: {
        summary: 'How long a camera’s footage is kept',
        operationId: 'retention',
        tags,
        params: idParams,
        response: { ...commonProblems, 200: retentionSchema },
      },
    },
    async (request) => answer(await knownTerms(deps.pool, request.params.id), deps.now()),
  );

  app.put(
    '/v1/cameras/:id/retention',
    {
      schema: {
        summary: 'Keep a camera’s footage longer, at once, or shorter, after three days in which it can be undone',
        description: 'While a shorter one waits, a new wish keeps its time for all that both of them delete.',
        operationId: 'changeRetention',
        tags,
        params: idParams,
        body: retentionBody,
        response: { ...commonProblems, 200: retentionChangeSchema },
      },
    },
    async (request) => {
      const by = doneBy(request, deps);
      const after = await transaction(deps.pool, async (tx) => {
        const changed = await changeRetention(tx, request.params.id, request.body, await readClocks(tx, deps));
        await recordDeed(tx, { ...by, ...retentionDeed(changed) });
        return changed.after;
      });
      // Committed: neither a sweep nor a commit of the camera waits for the count.
      return { ...answer(after, by.atMs), deletes: await deletedBy(deps.pool, after) };
    },
  );

  app.delete(
    '/v1/cameras/:id/retention/next',
    {
      schema: {
        summary: 'Undo a shorter retention that has not taken effect',
        description: 'One whose time has come is put in force instead; it can only be made longer.',
        operationId: 'undoRetentionChange',
        tags,
        params: idParams,
        response: { ...commonProblems, 200: retentionSchema },
      },
    },
    async (request) => {
      const by = doneBy(request, deps);
      return transaction(deps.pool, async (tx) => {
        const { earlierMs } = await readClocks(tx, deps);
        const changed = await undoShortening(tx, request.params.id, earlierMs);
        const isLate = changed.after.days !== changed.before.days;
        const deed = { ...by, ...retentionDeed(changed) };
        await recordDeed(tx, isLate ? deed : { ...deed, action: 'retention.undo' });
        return answer(changed.after, by.atMs);
      });
    },
  );

  app.get(
    '/v1/retention/sweep',
    {
      schema: {
        summary: 'What the last sweep deleted, what the next may find, and whether it is stopped',
        operationId: 'retentionSweep',
        tags,
        response: { ...commonProblems, 200: sweepSchema },
      },
    },
    () => sweepAnswer(deps.pool),
  );

  app.post(
    '/v1/retention/sweep/resume',
    {
      schema: {
        summary: 'Let a stopped sweep go on; what was due when it was stopped is deleted',
        description: 'Where it was stopped for a clock: what is due by the database’s clock now.',
        operationId: 'resumeRetentionSweep',
        tags,
        response: { ...commonProblems, ...conflictProblem, 200: sweepSchema },
      },
    },
    async (request) => {
      await transaction(deps.pool, async (tx) => {
        const { stopped } = await sweepState(tx);
        await resumeSweeps(tx, await deps.databaseNow(tx));
        const { approved } = await sweepState(tx);
        const values = { before: { ...stopped }, after: { stopped: null, approvedMs: approved?.dueMs ?? 0 } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'retention.resume', ...values });
      });
      return sweepAnswer(deps.pool);
    },
  );
}

function answer(terms: CameraTerms, nowMs: number) {
  const pause = openPause(terms, nowMs);
  return {
    cameraId: terms.cameraId,
    days: terms.days,
    keptFrom: isoTime(cutoffMs(terms, nowMs)),
    frozen: pause !== null,
    frozenUntil: isoTimeOrNull(pause?.voidFromMs ?? null),
    next: terms.next === null ? null : { ...shortening(terms.next), sooner: terms.next.sooner.map(shortening) },
  };
}

const shortening = ({ days, atMs }: Shortening) => ({ days, effectiveAt: isoTime(atMs) });

async function sweepAnswer(db: Db) {
  const { sweptMs, segments, bytes, refused, forecast, stopped } = await sweepState(db);
  return {
    sweptAt: isoTimeOrNull(sweptMs),
    segments,
    bytes,
    refused,
    forecast: forecast.map(({ atMs, dueMs }) => ({ by: isoTime(atMs), minutes: dueMs / 60_000 })),
    stopped: stopped && {
      at: isoTime(stopped.atMs),
      reason: stopped.reason,
      text: stopped.text,
      minutes: stopped.dueMs / 60_000,
    },
  };
}
