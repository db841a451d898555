import { recordDeed } from '../../db/audit.ts';
import { noSuchCamera } from '../../db/cameras.ts';
import { databaseNowMs, readClocks } from '../../db/clock.ts';
import { dueFootage, type DueFootage } from '../../db/due-footage.ts';
import { upcomingPurges } from '../../db/purge-preview.ts';
import { allTerms, changeRetention, termsOf, undoShortening, type CameraTerms } from '../../db/retention.ts';
import { resumeSweeps, sweepState } from '../../db/sweep-state.ts';
import { transaction, type Db } from '../../db/sql.ts';
import { changeOfRetention, cutoffMs, dayMs } from '../../domain/retention.ts';
import { doneBy, retentionDeed } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems, conflictProblem, idParams, isoTime, isoTimeOrNull } from '../schemas/common.ts';
import {
  retentionBody,
  retentionChangeSchema,
  retentionPreviewQuery,
  retentionPreviewSchema,
  retentionSchema,
  shorteningQuery,
  shorteningSchema,
  sweepSchema,
} from '../schemas/retention.ts';

const tags = ['retention'];

/** How long footage is kept, what goes when, and the sweep that deletes it. */
export function registerRetention(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/retention/preview',
    {
      schema: {
        summary: 'What will be deleted when, per camera, of the footage there is now',
        operationId: 'previewRetention',
        tags,
        querystring: retentionPreviewQuery,
        response: { ...commonProblems, 200: retentionPreviewSchema },
      },
    },
    async (request) => {
      const { days, cameraId } = request.query;
      const nowMs = deps.now();
      const atMs = Array.from({ length: days + 1 }, (_, day) => nowMs + day * dayMs);
      const cameras = await allTerms(deps.pool, { cameraId });
      const upcoming = await upcomingPurges(deps.pool, { nowMs, untilMs: nowMs + days * dayMs, cameraId });
      if (cameraId !== undefined && cameras.length + upcoming.length === 0) throw noSuchCamera();
      const found = byCamera(await due(deps.pool, cameras, atMs));
      const items = cameras.flatMap((camera) => {
        const steps = found.get(camera.internalId);
        if (steps === undefined) return [];
        const { cameraId: id, name, days: retentionDays } = camera;
        const dated = steps.map((one) => ({ by: isoTime(atMs[one.step] ?? nowMs), ...sum([one]) }));
        return [{ cameraId: id, name, retentionDays, ...sum(steps), steps: dated }];
      });
      const purges = upcoming.map(({ durationMs, atMs: at, ...purge }) => ({
        ...purge,
        at: isoTimeOrNull(at),
        minutes: durationMs / 60_000,
      }));
      return { asOf: isoTime(nowMs), ...sum([...found.values()].flat()), items, purges };
    },
  );

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

  app.get(
    '/v1/cameras/:id/retention/preview',
    {
      schema: {
        summary: 'What another retention would delete, and when',
        operationId: 'previewRetentionChange',
        tags,
        params: idParams,
        querystring: shorteningQuery,
        response: { ...commonProblems, 200: shorteningSchema },
      },
    },
    async (request) => {
      const { days } = request.query;
      const nowMs = deps.now();
      const terms = await knownTerms(deps.pool, request.params.id);
      const { next } = changeOfRetention(terms, days, (await readClocks(deps.pool, deps)).laterMs);
      const deletes = await deletedBy(deps.pool, { ...terms, next });
      return { days, effectiveAt: isoTime(next?.atMs ?? nowMs), deletes };
    },
  );

  app.put(
    '/v1/cameras/:id/retention',
    {
      schema: {
        summary: 'Keep a camera’s footage longer, at once, or shorter, after three days in which it can be undone',
        operationId: 'changeRetention',
        tags,
        params: idParams,
        body: retentionBody,
        response: { ...commonProblems, 200: retentionChangeSchema },
      },
    },
    async (request) => {
      const by = doneBy(request, deps);
      return transaction(deps.pool, async (tx) => {
        const { laterMs } = await readClocks(tx, deps);
        const changed = await changeRetention(tx, request.params.id, request.body, laterMs);
        const deletes = await deletedBy(tx, changed.after);
        await recordDeed(tx, { ...by, ...retentionDeed(changed) });
        return { ...answer(changed.after, by.atMs), deletes };
      });
    },
  );

  app.delete(
    '/v1/cameras/:id/retention/next',
    {
      schema: {
        summary: 'Undo a shorter retention that has not taken effect',
        operationId: 'undoRetentionChange',
        tags,
        params: idParams,
        response: { ...commonProblems, 200: retentionSchema },
      },
    },
    async (request) => {
      const by = doneBy(request, deps);
      return transaction(deps.pool, async (tx) => {
        const changed = await undoShortening(tx, request.params.id);
        await recordDeed(tx, { ...by, ...retentionDeed(changed), action: 'retention.undo' });
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
        operationId: 'resumeRetentionSweep',
        tags,
        response: { ...commonProblems, ...conflictProblem, 200: sweepSchema },
      },
    },
    async (request) => {
      await transaction(deps.pool, async (tx) => {
        const { stopped } = await sweepState(tx);
        await resumeSweeps(tx, await (deps.databaseNow ?? databaseNowMs)(tx));
        await recordDeed(tx, { ...doneBy(request, deps), action: 'retention.resume', before: { ...stopped } });
      });
      return sweepAnswer(deps.pool);
    },
  );
}

function byCamera(found: readonly DueFootage[]): Map<number, DueFootage[]> {
  const groups = new Map<number, DueFootage[]>();
  for (const one of found) groups.set(one.internalId, [...(groups.get(one.internalId) ?? []), one]);
  return groups;
}

/** @throws AppError not-found */
async function knownTerms(db: Db, cameraId: string): Promise<CameraTerms> {
  const terms = await termsOf(db, cameraId);
  if (terms === null) throw noSuchCamera();
  return terms;
}

function due(db: Db, cameras: readonly CameraTerms[], atMs: readonly number[]): Promise<DueFootage[]> {
  const plan = cameras.map((camera) => ({
    internalId: camera.internalId,
    cutoffsMs: atMs.map((ms) => cutoffMs(camera, ms)),
  }));
  return dueFootage(db, plan, atMs);
}

/** What a shorter retention deletes when it takes effect: all that is due by then and by its days alone. */
async function deletedBy(db: Db, terms: CameraTerms): Promise<ReturnType<typeof sum>> {
  if (terms.next === null) return sum([]);
  const { atMs } = terms.next;
  const cutoffs = [cutoffMs({ ...terms, next: null }, atMs), cutoffMs(terms, atMs)];
  const found = await dueFootage(db, [{ internalId: terms.internalId, cutoffsMs: cutoffs }], [atMs, atMs]);
  return sum(found.filter(({ step }) => step === 1));
}

function sum(found: readonly DueFootage[]): { segments: number; minutes: number; bytes: number } {
  const total = { segments: 0, minutes: 0, bytes: 0 };
  for (const { segments, durationMs, bytes } of found) {
    total.segments += segments;
    total.minutes += durationMs / 60_000;
    total.bytes += bytes;
  }
  return total;
}

function answer(terms: CameraTerms, nowMs: number) {
  return {
    cameraId: terms.cameraId,
    days: terms.days,
    keptFrom: isoTime(cutoffMs(terms, nowMs)),
    frozen: terms.pauses.at(-1)?.endMs === null,
    next: terms.next === null ? null : { days: terms.next.days, effectiveAt: isoTime(terms.next.atMs) },
  };
}

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
