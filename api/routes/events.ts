import { z } from 'zod';
import { cameraByPublicId, noSuchCamera } from '../../db/cameras.ts';
import { eventsOf } from '../../db/events.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, idParams, pageQuery, timeIn } from '../schemas/common.ts';
import { eventAnswer, eventList } from '../schemas/events.ts';

const eventQuery = z.strictObject({
  from: timeIn.optional(),
  to: timeIn.optional().describe('Exclusive; without it, up to now.'),
  ...pageQuery,
});

/** The last instant that Postgres and a JavaScript date both know, far enough off. */
const farMs = Date.UTC(9999, 0);

/** The story of a camera. */
export function registerEvents(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/cameras/:id/events',
    {
      schema: {
        summary: 'State changes, sessions and reconnects of a camera with reason and evidence, newest first',
        description: 'Kept for 90 days. Failed tries for the same reason are counted in the evidence.',
        operationId: 'cameraEvents',
        tags: ['cameras'],
        params: idParams,
        querystring: eventQuery,
        response: { ...commonProblems, 200: eventList },
      },
    },
    async (request) => {
      const { from = 0, to = farMs, limit, cursor } = request.query;
      const camera = await cameraByPublicId(deps.pool, request.params.id);
      if (camera === null) throw noSuchCamera();
      const beforeId = cursor === undefined ? undefined : decodeCursor(cursor, z.number().int());
      const page = { beforeId, limit: limit + 1 };
      const found = await eventsOf(deps.pool, camera.id, { fromMs: from, toMs: to }, page);
      return toPage(found, limit, eventAnswer, (event) => event.id);
    },
  );
}
