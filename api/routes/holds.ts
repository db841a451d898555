import { recordDeed } from '../../db/audit.ts';
import { dueByTerms, dueOfEach } from '../../db/due-footage.ts';
import { listHolds, placeHold, releaseHold } from '../../db/holds.ts';
import { termsOf } from '../../db/retention.ts';
import { expectMore } from '../../db/sweep-state.ts';
import { transaction, type Db } from '../../db/sql.ts';
import type { CameraDue } from '../../domain/camera-breaker.ts';
import { auditedHold, holdState, type Hold } from '../../domain/holds.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, conflictProblem, idParams, uuid } from '../schemas/common.ts';
import { wrongField } from '../wrong-field.ts';
import { holdAnswer, holdBody, holdList, holdQuery, holdSchema, placedHoldSchema } from '../schemas/retention.ts';

/** Evidence holds: footage that is not deleted, whatever else says so. */
export function registerHolds(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/holds',
    {
      schema: {
        summary: 'List holds in the order they were placed, released ones too',
        operationId: 'listHolds',
        tags: ['retention'],
        querystring: holdQuery,
        response: { ...commonProblems, 200: holdList },
      },
    },
    async (request) => {
      const { limit, cursor, cameraId } = request.query;
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor, uuid);
      const found = await listHolds(deps.pool, { cameraId, afterId, limit: limit + 1 });
      const nowMs = deps.now();
      return toPage(
        found,
        limit,
        (hold) => holdAnswer(hold, nowMs),
        (hold) => hold.id,
      );
    },
  );

  app.post(
    '/v1/holds',
    {
      schema: {
        summary: 'Hold footage: it is not deleted until the hold ends or is released',
        operationId: 'placeHold',
        tags: ['retention'],
        body: holdBody,
        response: { ...commonProblems, ...conflictProblem, 201: placedHoldSchema },
      },
    },
    async (request, reply) => {
      const { cameraId, from: startMs, to: endMs, reason, until: untilMs } = request.body;
      const by = doneBy(request, deps);
      if (untilMs !== null && untilMs <= by.atMs)
        throw wrongField('until', 'must lie in the future, or nothing is held');
      const { hold, beingDeleted } = await transaction(deps.pool, async (tx) => {
        const wanted = { cameraId, startMs, endMs, reason, untilMs, placedBy: by.actor, placedAtMs: by.atMs };
        const placed = await placeHold(tx, wanted);
        const after = auditedHold(placed.hold, 'active');
        await recordDeed(tx, { ...by, action: 'hold.place', ...about(placed.hold), after });
        return placed;
      });
      const minutes = beingDeleted.durationMs / 60_000;
      return reply
        .code(201)
        .send({ ...holdAnswer(hold, by.atMs), beingDeleted: { segments: beingDeleted.segments, minutes } });
    },
  );

  app.delete(
    '/v1/holds/:id',
    {
      schema: {
        summary: 'Release a hold: its footage goes by the rules again, and what is past its age is deleted',
        operationId: 'releaseHold',
        tags: ['retention'],
        params: idParams,
        response: { ...commonProblems, ...conflictProblem, 200: holdSchema },
      },
    },
    async (request) => {
      const by = doneBy(request, deps);
      const { hold, version } = await transaction(deps.pool, async (tx) => {
        const released = await releaseHold(tx, request.params.id, { by: by.actor, nowMs: by.atMs });
        // Somebody wanted this: the sweep's breaker should not take it for a fault.
        const letGo = await dueNow(tx, released.hold.cameraId, by.atMs);
        if (letGo !== null) await expectMore(tx, letGo);
        const held = { ...released.hold, releasedAtMs: null };
        const values = {
          before: auditedHold(held, holdState(held, by.atMs)),
          after: auditedHold(released.hold, 'released'),
        };
        await recordDeed(tx, { ...by, action: 'hold.release', ...about(released.hold), ...values });
        return released;
      });
      if (version !== null) {
        await deps.workflows.update('retire', { cameraId: hold.cameraId, configVersion: version });
      }
      return holdAnswer(hold, by.atMs);
    },
  );
}

/** Footage of a camera that is due now; null: none, or it is purged. */
async function dueNow(db: Db, cameraId: string, nowMs: number): Promise<CameraDue | null> {
  const terms = await termsOf(db, cameraId);
  if (terms === null) return null;
  const [due] = dueOfEach(await dueByTerms(db, [terms], [nowMs]));
  return due ?? null;
}

const about = ({ tenantId, cameraId }: Hold) => ({ tenantId, cameraId });
