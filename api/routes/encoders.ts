import { recordDeed } from '../../db/audit.ts';
import { encoderSteps } from '../../db/encoder-steps.ts';
import { finishQueues, liveEncoders } from '../../db/encoders.ts';
import { retryParked } from '../../db/finish-windows.ts';
import { recorders } from '../../db/recorders.ts';
import { listWindows } from '../../db/window-list.ts';
import { transaction } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems, doneAnswer, isoTime } from '../schemas/common.ts';
import { encodersAnswer, encodersSchema, retryBody, windowAnswer, windowList, windowQuery } from '../schemas/finish.ts';

const shownSteps = 100;

/** The processes that finish footage, and what waits for them. */
export function registerEncoders(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/encoders',
    {
      schema: {
        summary: 'Encoders with their slots, and the backlog by class',
        operationId: 'encoders',
        tags: ['service'],
        response: { ...commonProblems, 200: encodersSchema },
      },
    },
    async () => {
      const nowMs = deps.now();
      const [workers, queues, steps, hosts] = await Promise.all([
        liveEncoders(deps.pool, nowMs),
        finishQueues(deps.pool, nowMs),
        encoderSteps(deps.pool, shownSteps),
        recorders(deps.pool),
      ]);
      return encodersAnswer(workers, queues, steps, hosts, nowMs);
    },
  );

  app.get(
    '/v1/finish-windows',
    {
      schema: {
        summary: 'Windows of footage by state, oldest first; those that could not be finished are parked',
        operationId: 'listFinishWindows',
        tags: ['service'],
        querystring: windowQuery,
        response: { ...commonProblems, 200: windowList },
      },
    },
    async (request) => ({ items: (await listWindows(deps.pool, request.query)).map(windowAnswer) }),
  );

  app.post(
    '/v1/finish-windows/retry',
    {
      schema: {
        summary: 'Put a parked window back into the backlog',
        operationId: 'retryFinishWindow',
        tags: ['service'],
        body: retryBody,
        response: { ...commonProblems, 204: doneAnswer },
      },
    },
    async (request, reply) => {
      const { cameraId, startAt } = request.body;
      await transaction(deps.pool, async (tx) => {
        if (!(await retryParked(tx, cameraId, startAt))) {
          throw new AppError('not-found', 'There is no such parked window.');
        }
        const window = { cameraId, startAt: isoTime(startAt) };
        const values = { before: { ...window, state: 'parked' }, after: { ...window, state: 'open' } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'finish-window.retry', ...values });
      });
      return reply.code(204).send(undefined);
    },
  );
}
