import { z } from 'zod';
import { keptDays } from '../../db/coverage.ts';
import { segmentsBetween } from '../../db/footage.ts';
import { claimsBetween } from '../../db/gaps.ts';
import { pendingBetween } from '../../db/held-windows.ts';
import { holesBetween } from '../../db/holes.ts';
import { coverage, knownTime, subtract, utcDayOf, utcDays, wantedTime } from '../../domain/coverage.ts';
import { explainHoles, type GapClaim, type Hole } from '../../domain/gaps.ts';
import { cameraRange, listRangeMs, type CameraRange } from '../camera-range.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, idParams, isoTime } from '../schemas/common.ts';
import {
  coverageList,
  gapAnswer,
  gapList,
  pendingAnswer,
  pendingList,
  rangePageQuery,
  rangeQuery,
  segmentAnswer,
  segmentList,
} from '../schemas/footage.ts';

/** Lists of a camera's time go on after a start, in ms since 1970. */
const timePosition = z.number().int();
/** Gaps go on after a start, and are explained hole by hole: that of the last gap's hole is there too. */
const gapPosition = z.tuple([z.number().int(), z.number().int()]);

/** What a camera has and what it lacks. */
export function registerFootage(app: Api, deps: ApiDeps): void {
  const rangeOf = (cameraId: string, asked: { from: number; to: number }) =>
    cameraRange(deps.pool, cameraId, asked, { maxMs: listRangeMs, nowMs: deps.now() });

  app.get(
    '/v1/cameras/:id/segments',
    {
      schema: {
        summary: 'Committed footage that reaches into a range of at most 31 days, in order of time',
        operationId: 'listSegments',
        tags: ['footage'],
        params: idParams,
        querystring: rangePageQuery,
        response: { ...commonProblems, 200: segmentList },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const { camera, fromMs, toMs, kept } = await rangeOf(request.params.id, request.query);
      const after = cursor === undefined ? undefined : decodeCursor(cursor, timePosition);
      const found = await segmentsBetween(deps.pool, camera.id, fromMs, toMs, { limit: limit + 1, after, kept });
      return toPage(found, limit, segmentAnswer, (segment) => segment.startMs);
    },
  );

  app.get(
    '/v1/cameras/:id/pending',
    {
      schema: {
        summary: 'Footage of a range that is recorded and not stored yet: it waits on its recorder for its final',
        description: 'Only cameras whose profile has durable `final` have such footage. It plays once it is finished.',
        operationId: 'listPending',
        tags: ['footage'],
        params: idParams,
        querystring: rangeQuery,
        response: { ...commonProblems, 200: pendingList },
      },
    },
    async (request) => {
      const { camera, fromMs, toMs } = await rangeOf(request.params.id, request.query);
      return { items: (await pendingBetween(deps.pool, camera.id, fromMs, toMs)).map(pendingAnswer) };
    },
  );

  app.get(
    '/v1/cameras/:id/gaps',
    {
      schema: {
        summary: 'Missing footage in a range of at most 31 days, explained, in order of time; cut at the range',
        operationId: 'listGaps',
        tags: ['footage'],
        params: idParams,
        querystring: rangePageQuery,
        response: { ...commonProblems, 200: gapList },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const range = agedOff(await rangeOf(request.params.id, request.query));
      const nowMs = deps.now();
      const [afterMs, holeMs] = cursor === undefined ? [-Infinity, -Infinity] : decodeCursor(cursor, gapPosition);
      // A hole has one gap at least: one more shows the next page, and the first may be over.
      const part = { ...range, fromMs: Math.max(range.fromMs, holeMs) };
      const { holes, claims } = await missing(deps, part, nowMs, limit + 2);
      const gaps = explainHoles(holes, claims, nowMs).filter((gap) => gap.startMs > afterMs);
      return toPage(gaps, limit, gapAnswer, ({ startMs }) => [
        startMs,
        holes.findLast((hole) => hole.startMs <= startMs)?.startMs ?? startMs,
      ]);
    },
  );

  app.get(
    '/v1/cameras/:id/coverage',
    {
      schema: {
        summary: 'Footage over wanted time, per UTC day of a range of at most 31 days',
        description: 'Days whose footage has reached its age are told as they were counted while it was there.',
        operationId: 'coverage',
        tags: ['footage'],
        params: idParams,
        querystring: rangeQuery,
        response: { ...commonProblems, 200: coverageList },
      },
    },
    async (request) => {
      const range = agedOff(await rangeOf(request.params.id, request.query));
      const nowMs = deps.now();
      const { holes, claims } = await missing(deps, range, nowMs);
      const known = knownTime(range.camera, { startMs: range.fromMs, endMs: range.toMs }, claims, { nowMs });
      const live = utcDays(known).map((day) => coverageOfDay(day, holes, claims));
      if (range.fromMs <= request.query.from) return { items: live };
      const kept = await keptDays(
        deps.pool,
        range.camera.id,
        utcDayOf(request.query.from),
        Math.min(range.fromMs, range.toMs),
      );
      const before = kept.map(({ startMs, endMs, wantedMs, recordedMs }) =>
        coverageAnswer({ startMs, endMs }, { wantedMs, recordedMs }),
      );
      const last = before.at(-1)?.day ?? '';
      return { items: [...before, ...live.filter(({ day }) => day > last)] };
    },
  );
}

/** Older time is neither missing nor covered, whatever a hold keeps of it. */
function agedOff(range: CameraRange): CameraRange {
  return { ...range, fromMs: Math.max(range.fromMs, range.kept.fromMs) };
}

async function missing(
  deps: ApiDeps,
  range: CameraRange,
  nowMs: number,
  limit?: number,
): Promise<{ holes: Hole[]; claims: GapClaim[] }> {
  const { camera, fromMs, toMs } = range;
  if (fromMs >= toMs) return { holes: [], claims: [] };
  const holes = await holesBetween(deps.pool, camera.id, fromMs, toMs, { nowMs, limit });
  // Of the first holes alone the claims on them will do; coverage must know of pauses without a hole as well.
  const claimedToMs = limit === undefined ? toMs : (holes.at(-1)?.endMs ?? fromMs);
  return { holes, claims: await claimsBetween(deps.pool, camera.id, fromMs, claimedToMs) };
}

function coverageOfDay(day: Hole, holes: readonly Hole[], claims: readonly GapClaim[]) {
  return coverageAnswer(day, coverage(subtract([day], holes), wantedTime(day, claims)));
}

function coverageAnswer(day: Hole, { wantedMs, recordedMs }: { wantedMs: number; recordedMs: number }) {
  const startAt = isoTime(day.startMs);
  const ratio = wantedMs === 0 ? null : recordedMs / wantedMs;
  return { day: startAt.slice(0, 10), startAt, endAt: isoTime(day.endMs), wantedMs, recordedMs, ratio };
}
