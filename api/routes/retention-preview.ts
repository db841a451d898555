import { noSuchCamera } from '../../db/cameras.ts';
import { readClocks } from '../../db/clock.ts';
import { dueByTerms } from '../../db/due-footage.ts';
import { upcomingPurges } from '../../db/purge-preview.ts';
import { allTerms, knownTerms } from '../../db/retention.ts';
import { grouped } from '../../domain/grouped.ts';
import { changeOfRetention, dayMs } from '../../domain/retention.ts';
import { amountsOf, deletedBy, sumOf, type Amounts } from '../deleted-footage.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems, idParams, isoTime, isoTimeOrNull } from '../schemas/common.ts';
import {
  retentionPreviewQuery,
  retentionPreviewSchema,
  shorteningQuery,
  shorteningSchema,
} from '../schemas/retention.ts';

const tags = ['retention'];

/** What will be deleted when, as it stands and by another retention. */
export function registerRetentionPreviews(app: Api, deps: ApiDeps): void {
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
      const due = await dueByTerms(deps.pool, cameras, atMs);
      const found = grouped(
        due,
        (one) => one.internalId,
        (one) => one,
      );
      const purgedMs = new Map(upcoming.map((purge) => [purge.cameraId, purge.atMs ?? Infinity]));
      const items = cameras.flatMap(({ internalId, cameraId: id, name, days: retentionDays }) => {
        // What would reach its age after its camera's purge goes with that.
        const isBefore = (ms: number): boolean => ms <= (purgedMs.get(id) ?? Infinity);
        const steps = (found.get(internalId) ?? []).filter(({ step }) => isBefore(atMs[step] ?? nowMs));
        if (steps.length === 0) return [];
        const dated = steps.map((one) => ({ by: isoTime(atMs[one.step] ?? nowMs), ...amountsOf([one]) }));
        return [{ cameraId: id, name, retentionDays, ...amountsOf(steps), steps: dated }];
      });
      const aged = new Map(items.map((item) => [item.cameraId, item]));
      const purges = upcoming.map(({ atMs: at, ...purge }) => {
        const { cameraId: id, name, state } = purge;
        return { cameraId: id, name, state, at: isoTimeOrNull(at), ...without(amountsOf([purge]), aged.get(id)) };
      });
      return { asOf: isoTime(nowMs), ...sumOf(items), items, purges };
    },
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
      const change = changeOfRetention(terms, days, await readClocks(deps.pool, deps));
      const deletes = await deletedBy(deps.pool, { ...terms, ...change });
      return { days, effectiveAt: isoTime(change.next?.atMs ?? nowMs), deletes };
    },
  );
}

/** Never below nothing: the one may have been counted a moment before the other. */
function without(all: Amounts, part: Amounts = sumOf([])): Amounts {
  const left = (of: keyof Amounts): number => Math.max(0, all[of] - part[of]);
  return { segments: left('segments'), minutes: left('minutes'), bytes: left('bytes') };
}
