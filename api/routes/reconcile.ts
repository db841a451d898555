import { z } from 'zod';
import { recordDeed } from '../../db/audit.ts';
import { countFindings, listFindings } from '../../db/reconcile-findings.ts';
import { listPasses, reconcileState, requestPass, resumeReconcile } from '../../db/reconcile-passes.ts';
import { countChecks } from '../../db/segment-checks.ts';
import { transaction, type Db } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { AppError } from '../../errors.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, conflictProblem, isoTime } from '../schemas/common.ts';
import {
  findingAnswer,
  findingList,
  findingQuery,
  passAnswer,
  passBody,
  passSchema,
  reconcileSchema,
} from '../schemas/reconcile.ts';

const tags = ['reconcile'];
const shownPasses = 20;
const sampledMs = 7 * dayMs;

/** Whether bucket and catalogue say the same, and what was read back. */
export function registerReconcile(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/reconcile',
    {
      schema: {
        summary: 'The last comparisons of bucket and catalogue, what does not fit, and what was read back',
        operationId: 'reconcile',
        tags,
        response: { ...commonProblems, 200: reconcileSchema },
      },
    },
    () => answer(deps.pool, deps.now()),
  );

  app.get(
    '/v1/reconcile/findings',
    {
      schema: {
        summary: 'List what does not fit between bucket and catalogue, newest first',
        operationId: 'listReconcileFindings',
        tags,
        querystring: findingQuery,
        response: { ...commonProblems, 200: findingList },
      },
    },
    async (request) => {
      const { limit, cursor, cameraId, state } = request.query;
      const beforeId = cursor === undefined ? undefined : decodeCursor(cursor, z.number().int());
      const found = await listFindings(deps.pool, { cameraId, state, beforeId, limit: limit + 1 });
      return toPage(found, limit, findingAnswer, ({ id }) => id);
    },
  );

  app.post(
    '/v1/reconcile',
    {
      schema: {
        summary: 'Compare bucket and catalogue now, or only look (dry run)',
        operationId: 'startReconcile',
        tags,
        body: passBody,
        response: { ...commonProblems, ...conflictProblem, 202: passSchema },
      },
    },
    async (request, reply) => {
      const { dryRun } = request.body;
      const by = doneBy(request, deps);
      const pass = await transaction(deps.pool, async (tx) => {
        if (!dryRun && (await reconcileState(tx)).stopped !== null) {
          throw new AppError('wrong-state', 'Reconcile is stopped. Look at what it found, and resume it.');
        }
        const wanted = await requestPass(tx, { by: by.actor, dryRun, nowMs: by.atMs });
        await recordDeed(tx, { ...by, action: 'reconcile.start', after: { id: wanted.id, dryRun } });
        return wanted;
      });
      await deps.workflows.reconcile();
      return reply.code(202).send(passAnswer(pass));
    },
  );

  app.post(
    '/v1/reconcile/resume',
    {
      schema: {
        summary: 'Let a stopped reconcile go on; the next pass may touch as much as was found when it was stopped',
        operationId: 'resumeReconcile',
        tags,
        response: { ...commonProblems, ...conflictProblem, 200: reconcileSchema },
      },
    },
    async (request) => {
      const by = doneBy(request, deps);
      await transaction(deps.pool, async (tx) => {
        const { stopped } = await reconcileState(tx);
        await resumeReconcile(tx);
        await requestPass(tx, { by: by.actor, dryRun: false, nowMs: by.atMs });
        const values = { before: { ...stopped }, after: { stopped: null, approved: stopped?.found ?? 0 } };
        await recordDeed(tx, { ...by, action: 'reconcile.resume', ...values });
      });
      await deps.workflows.reconcile();
      return answer(deps.pool, deps.now());
    },
  );
}

async function answer(db: Db, nowMs: number): Promise<z.infer<typeof reconcileSchema>> {
  const [{ stopped }, passes, findings, samples] = await Promise.all([
    reconcileState(db),
    listPasses(db, shownPasses),
    countFindings(db, { missingSinceMs: 0 }),
    countChecks(db, nowMs - sampledMs),
  ]);
  return {
    stopped: stopped && { at: isoTime(stopped.atMs), reason: stopped.reason, text: stopped.text, found: stopped.found },
    passes: passes.map(passAnswer),
    findings: findings.map(({ sinceMs, ...row }) => ({ ...row, since: isoTime(sinceMs) })),
    samples: samples.map(({ lastMs, ...row }) => ({ ...row, lastAt: isoTime(lastMs) })),
  };
}
