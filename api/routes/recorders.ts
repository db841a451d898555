import { z } from 'zod';
import { recordDeed } from '../../db/audit.ts';
import { hasRoomElsewhere, recorders, setDraining } from '../../db/recorders.ts';
import { transaction } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { knownRecorders } from '../known-recorders.ts';
import { commonProblems, conflictProblem, uuid } from '../schemas/common.ts';
import { recorderAnswer, recorderList, recorderSchema } from '../schemas/service.ts';

/** The processes that record. */
export function registerRecorders(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/recorders',
    {
      schema: {
        summary: 'List recorders',
        description:
          'Left out: one not seen for 7 days on which no camera counts and whose spool was empty, and one declared ' +
          'destroyed.',
        operationId: 'listRecorders',
        tags: ['service'],
        response: { ...commonProblems, 200: recorderList },
      },
    },
    async () => {
      const nowMs = await deps.databaseNow(deps.pool);
      return { items: (await knownRecorders(deps.pool, nowMs)).map((recorder) => recorderAnswer(recorder, nowMs)) };
    },
  );

  app.post(
    '/v1/recorders/:hostId/drain',
    {
      schema: {
        summary:
          'Move all cameras of a recorder to others, without losing a picture; it takes none until it is restarted',
        description:
          'A camera leaves as soon as another recorder has its first picture. `used` says how many are left.',
        operationId: 'drainRecorder',
        tags: ['service'],
        params: z.object({ hostId: uuid }),
        response: { ...commonProblems, ...conflictProblem, 202: recorderSchema },
      },
    },
    async (request, reply) => {
      const { hostId } = request.params;
      const recorder = await transaction(deps.pool, async (tx) => {
        const found = (await recorders(tx)).find((each) => each.hostId === hostId);
        if (found === undefined) throw new AppError('not-found', 'There is no such recorder.');
        if (!(await hasRoomElsewhere(tx, hostId, found.used))) {
          throw new AppError('wrong-state', `The other recorders have no room for its ${found.used} cameras.`);
        }
        await setDraining(tx, hostId, true);
        const { draining } = found;
        const values = { before: { hostId, draining }, after: { hostId, draining: true } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'recorder.drain', ...values });
        return { ...found, draining: true };
      });
      return reply.code(202).send(recorderAnswer(recorder, await deps.databaseNow(deps.pool)));
    },
  );
}
