import { z } from 'zod';
import { segmentsBetween } from '../../db/footage.ts';
import { claimsBetween } from '../../db/gaps.ts';
import { holesBetween } from '../../db/holes.ts';
import { coverage, subtract, wantedTime } from '../../domain/coverage.ts';
import { explainHoles, type GapClaim, type Hole } from '../../domain/gaps.ts';
import { cameraRange, listRangeMs, type CameraRange } from '../camera-range.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, idParams, isoTime } from '../schemas/common.ts';
import {
  coverageList,
  gapAnswer,
  gapList,
  rangePageQuery,
  rangeQuery,
  segmentAnswer,
  segmentList,
} from '../schemas/footage.ts';

const dayMs = 24 * 3600 * 1000;
/** Lists of a camera's time go on after a start, in ms since 1970. */
const timePosition = z.number().int();

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
      const { camera, fromMs, toMs } = await rangeOf(request.params.id, request.query);
      const after = cursor === undefined ? undefined : decodeCursor(cursor, timePosition);
      const found = await segmentsBetween(deps.pool, camera.id, fromMs, toMs, { limit: limit + 1, after });
      return toPage(found, limit, segmentAnswer, (segment) => segment.startMs);
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
      const range = await rangeOf(request.params.id, request.query);
      const nowMs = deps.now();
      const { holes, claims } = await missing(deps, range, nowMs);
      const afterMs = cursor === undefined ? -Infinity : decodeCursor(cursor, timePosition);
      const gaps = explainHoles(holes, claims, nowMs).filter((gap) => gap.startMs > afterMs);
      return toPage(gaps, limit, gapAnswer, (gap) => gap.startMs);
    },
  );

  app.get(
    '/v1/cameras/:id/coverage',
    {
      schema: {
        summary: 'Footage over wanted time, per UTC day of a range of at most 31 days',
        operationId: 'coverage',
        tags: ['footage'],
        params: idParams,
        querystring: rangeQuery,
        response: { ...commonProblems, 200: coverageList },
      },
    },
    async (request) => {
      const range = await rangeOf(request.params.id, request.query);
      const nowMs = deps.now();
      const { holes, claims } = await missing(deps, range, nowMs);
      return { items: days(knownTime(range, claims, nowMs)).map((day) => coverageOfDay(day, holes, claims)) };
    },
  );
}

async function missing(
  deps: ApiDeps,
  range: CameraRange,
  nowMs: number,
): Promise<{ holes: Hole[]; claims: GapClaim[] }> {
  const { camera, fromMs, toMs } = range;
  if (fromMs >= toMs) return { holes: [], claims: [] };
  const [holes, claims] = await Promise.all([
    holesBetween(deps.pool, camera.id, fromMs, toMs, { nowMs }),
    claimsBetween(deps.pool, camera.id, fromMs, toMs),
  ]);
  return { holes, claims };
}

/**
 * The part of a range of which is known whether there is footage: since the camera's creation, and up to its newest
 * footage or, while it lacks footage, up to now.
 */
function knownTime({ camera, fromMs, toMs }: CameraRange, claims: readonly GapClaim[], nowMs: number): Hole {
  const claimedMs = claims.reduce((latest, claim) => Math.max(latest, claim.endMs ?? nowMs), 0);
  const knownMs = Math.max(camera.lastSegmentEndMs ?? camera.createdAtMs, claimedMs);
  return {
    startMs: Math.max(fromMs, camera.createdAtMs),
    endMs: Math.min(toMs, nowMs, knownMs, camera.retiredAtMs ?? Infinity),
  };
}

function days(range: Hole): Hole[] {
  const found: Hole[] = [];
  for (let startMs = range.startMs; startMs < range.endMs;) {
    const endMs = Math.min(range.endMs, (Math.floor(startMs / dayMs) + 1) * dayMs);
    found.push({ startMs, endMs });
    startMs = endMs;
  }
  return found;
}

function coverageOfDay(day: Hole, holes: readonly Hole[], claims: readonly GapClaim[]) {
  const { wantedMs, recordedMs, ratio } = coverage(subtract([day], holes), wantedTime(day, claims));
  const startAt = isoTime(day.startMs);
  return { day: startAt.slice(0, 10), startAt, endAt: isoTime(day.endMs), wantedMs, recordedMs, ratio };
}
