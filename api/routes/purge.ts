import { z } from 'zod';
import { recordDeed } from '../../db/audit.ts';
import { cameraByPublicId, lockCamera, noSuchCamera } from '../../db/cameras.ts';
import { readClocks } from '../../db/clock.ts';
import { requestPurge } from '../../db/purge.ts';
import { declareDestroyed, purgesWaitingFor } from '../../db/purge-spools.ts';
import { transaction } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { aboutCamera, auditedCamera, doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { cameraAnswer, cameraSchema } from '../schemas/camera.ts';
import { commonProblems, conflictProblem, doneAnswer, idParams, uuid } from '../schemas/common.ts';
import { purgeBody } from '../schemas/lifecycle.ts';

/** Deletion for good, before the grace period is over. */
export function registerPurge(app: Api, deps: ApiDeps): void {
  app.post(
    '/v1/cameras/:id/purge',
    {
      schema: {
        summary: 'Delete a retired camera’s footage now, for good; a hold only delays it',
        description: 'The camera’s `state` and `stateReason` show how far it is; a certificate ends it.',
        operationId: 'purgeCamera',
        tags: ['cameras'],
        params: idParams,
        body: purgeBody,
        response: { ...commonProblems, ...conflictProblem, 202: cameraSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { camera, configVersion } = await transaction(deps.pool, async (tx) => {
        await lockCamera(tx, id);
        const before = await cameraByPublicId(tx, id);
        if (before === null) throw noSuchCamera();
        if (before.name !== request.body.name) throw wrongName('camera', request.body.name);
        const by = doneBy(request, deps);
        const version = await requestPurge(tx, id, { by: by.actor, cause: 'requested', nowMs: by.atMs });
        const after = await cameraByPublicId(tx, id);
        if (after === null) throw noSuchCamera();
        const values = { before: auditedCamera(before), after: auditedCamera(after) };
        await recordDeed(tx, { ...by, action: 'camera.purge', ...aboutCamera(before), ...values });
        return { camera: after, configVersion: version };
      });
      await deps.workflows.update('purgeNow', { cameraId: id, configVersion });
      return reply.code(202).send(cameraAnswer(camera));
    },
  );

  app.post(
    '/v1/recorders/:hostId/destroyed',
    {
      schema: {
        summary:
          'Declare that a recorder’s disk does not exist any more: purges stop waiting for it, certificates say so',
        description:
          'Not of one that was seen within the last minute. It holds until the recorder is seen again: from then on ' +
          'purges wait for its spool as before.',
        operationId: 'declareRecorderDestroyed',
        tags: ['service'],
        params: z.object({ hostId: uuid }),
        response: { ...commonProblems, ...conflictProblem, 204: doneAnswer },
      },
    },
    async (request, reply) => {
      const { hostId } = request.params;
      const waiting = await transaction(deps.pool, async (tx) => {
        const by = doneBy(request, deps);
        // By a clock that is fast a host that lives would count as silent.
        const { earlierMs } = await readClocks(tx, deps);
        const outcome = await declareDestroyed(tx, hostId, by.actor, earlierMs);
        if (outcome === 'alive') {
          throw new AppError(
            'wrong-state',
            'This recorder gave a sign of life within the last minute, so its spool is there. Stop its process, wait a ' +
              'minute, then declare it again.',
          );
        }
        if (outcome === 'unknown') throw new AppError('not-found', 'There is no such recorder.');
        if (outcome === 'known') throw new AppError('wrong-state', 'It was declared destroyed already.');
        const values = { before: { hostId, isDestroyed: false }, after: { hostId, isDestroyed: true } };
        await recordDeed(tx, { ...by, action: 'recorder.destroyed', ...values });
        return purgesWaitingFor(tx, hostId);
      });
      await Promise.all(waiting.map((change) => deps.workflows.update('purgeNow', change)));
      return reply.code(204).send();
    },
  );
}

/** Typing the name is what stands between a slip and the loss of a year. */
export function wrongName(what: 'camera' | 'tenant', typed: string): AppError {
  const message = `This is not the ${what}'s name.`;
  return new AppError('invalid-request', `"${typed}": ${message}`, {
    details: { errors: [{ path: 'name', message }] },
  });
}
