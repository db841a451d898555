import { cameraByPublicId, lockCamera, noSuchCamera } from '../../db/cameras.ts';
import { readClocks } from '../../db/clock.ts';
import { changeIntent, intentActions, type IntentAction } from '../../db/camera-changes.ts';
import { recordDeed } from '../../db/audit.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { aboutCamera, auditedCamera, doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { cameraAnswer, cameraSchema } from '../schemas/camera.ts';
import { commonProblems, conflictProblem, idParams } from '../schemas/common.ts';

const summaries: Record<IntentAction, string> = {
  pause: 'Stop recording for a while; its footage stays and keeps ageing',
  resume: 'Record a paused camera again',
  retire: 'Stop recording for good: the archive stays readable for the grace period, then it is deleted',
  reactivate: 'Take a retired camera back within its grace period and record it again',
};

/** What a customer decides about a camera: `POST /v1/cameras/:id/{pause,resume,retire,reactivate}`. */
export function registerCameraActions(app: Api, deps: ApiDeps): void {
  for (const action of intentActions) registerAction(app, deps, action);
}

function registerAction(app: Api, deps: ApiDeps, action: IntentAction): void {
  app.post(
    `/v1/cameras/:id/${action}`,
    {
      schema: {
        summary: summaries[action],
        description: '200: taken in. 202: stored, and applied as soon as the camera’s workflow can be reached.',
        operationId: `${action}Camera`,
        tags: ['cameras'],
        params: idParams,
        response: { ...commonProblems, ...conflictProblem, 200: cameraSchema, 202: cameraSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const graceMs = deps.graceDays * dayMs;
      const { configVersion, camera } = await transaction(deps.pool, async (tx) => {
        await lockCamera(tx, id);
        const before = await cameraByPublicId(tx, id);
        const clocks = await readClocks(tx, deps);
        const version = await changeIntent(tx, id, action, { graceMs, clocks });
        const after = await cameraByPublicId(tx, id);
        if (before === null || after === null) throw noSuchCamera();
        const change = { before: auditedCamera(before), after: auditedCamera(after) };
        await recordDeed(tx, {
          ...doneBy(request, deps),
          action: `camera.${action}`,
          ...aboutCamera(after),
          ...change,
        });
        return { configVersion: version, camera: after };
      });
      // Committed: whatever happens to the update, the recorder's watcher and ensure-cameras act on it.
      const applied = await deps.workflows.update(action, { cameraId: id, configVersion });
      return reply.code(applied ? 200 : 202).send(cameraAnswer(camera));
    },
  );
}
