import { defaultProfile, profileById, type Profile } from '../../db/profiles.ts';
import { cameraByPublicId, insertCamera, listCameras, lockCamera, noSuchCamera } from '../../db/cameras.ts';
import { recordDeed } from '../../db/audit.ts';
import { updateCamera } from '../../db/camera-changes.ts';
import { readClocks } from '../../db/clock.ts';
import { changeRetention } from '../../db/retention.ts';
import { transaction } from '../../db/sql.ts';
import { defaultTenant } from '../../db/tenants.ts';
import { cameraUrlAad, substreamUrlAad } from '../../security/seal.ts';
import { AppError } from '../../errors.ts';
import { newUuid } from '../../security/uuid.ts';
import { aboutCamera, auditedCamera, doneBy, retentionDeed } from '../audit.ts';
import { sealCameraUrl, type SealedUrl } from '../camera-address.ts';
import { deletedBy } from '../deleted-footage.ts';
import { decodeCursor, toPage } from '../paging.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import {
  cameraAnswer,
  cameraBody,
  cameraChangeBody,
  cameraList,
  cameraListQuery,
  cameraSchema,
  changedCameraSchema,
} from '../schemas/camera.ts';
import { commonProblems, conflictProblem, idParams, uuid } from '../schemas/common.ts';

/** Cameras: list, add, look at, change. */
export function registerCameras(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/cameras',
    {
      schema: {
        summary: 'List cameras in the order they were added',
        operationId: 'listCameras',
        tags: ['cameras'],
        querystring: cameraListQuery,
        response: { ...commonProblems, 200: cameraList },
      },
    },
    async (request) => {
      const { tenantId, limit, cursor } = request.query;
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor, uuid);
      const found = await listCameras(deps.pool, { tenantId, afterId, limit: limit + 1 });
      return toPage(found, limit, cameraAnswer, (camera) => camera.id);
    },
  );

  app.post(
    '/v1/cameras',
    {
      schema: {
        summary: 'Add a camera and start recording it',
        operationId: 'addCamera',
        tags: ['cameras'],
        body: cameraBody,
        response: { ...commonProblems, ...conflictProblem, 201: cameraSchema },
      },
    },
    async (request, reply) => {
      const { name, url, substreamUrl, tier, retentionDays, tenantId, profileId } = request.body;
      const id = newUuid(deps.now());
      const address = sealCameraUrl(deps, 'url', url, cameraUrlAad(id));
      const substream = substreamUrl === undefined ? undefined : sealSubstream(deps, id, substreamUrl);
      const profile = await usableProfile(deps, profileId);
      const owner = tenantId ?? (await defaultTenant(deps.pool)).id;
      const camera = await transaction(deps.pool, async (tx) => {
        const settings = { name, ...address, substream, tier, profileId: profile.id, retentionDays };
        const made = await insertCamera(tx, { id, tenantId: owner, ...settings });
        const about = { ...aboutCamera(made), after: auditedCamera(made) };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'camera.add', ...about });
        return made;
      });
      // Committed: should Temporal be away, ensure-cameras starts the workflow later.
      await deps.workflows.start({ cameraId: id, tenantId: camera.tenantId, tier, name });
      return reply.code(201).header('location', `/v1/cameras/${id}`).send(cameraAnswer(camera));
    },
  );

  app.get(
    '/v1/cameras/:id',
    {
      schema: {
        summary: 'Look at a camera',
        operationId: 'camera',
        tags: ['cameras'],
        params: idParams,
        response: { ...commonProblems, 200: cameraSchema },
      },
    },
    async (request) => {
      const camera = await cameraByPublicId(deps.pool, request.params.id);
      if (camera === null) throw noSuchCamera();
      return cameraAnswer(camera);
    },
  );

  app.patch(
    '/v1/cameras/:id',
    {
      schema: {
        summary: 'Change a camera; a new URL, profile or tier is taken in by its recorder',
        description:
          '200: taken in. 202: stored, and applied as soon as the camera’s workflow can be reached. A shorter ' +
          'retention takes effect after three days, see /v1/cameras/{id}/retention; `deletes` says what it takes.',
        operationId: 'changeCamera',
        tags: ['cameras'],
        params: idParams,
        body: cameraChangeBody,
        response: { ...commonProblems, ...conflictProblem, 200: changedCameraSchema, 202: changedCameraSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { url, substreamUrl, profileId, retentionDays, ...changes } = request.body;
      const wanted = {
        ...changes,
        ...(url !== undefined && { url: sealCameraUrl(deps, 'url', url, cameraUrlAad(id)) }),
        ...(substreamUrl !== undefined && {
          substream: substreamUrl === null ? null : sealSubstream(deps, id, substreamUrl),
        }),
        ...(profileId !== undefined && { profileId: (await usableProfile(deps, profileId)).id }),
      };
      const { camera, version, shortened } = await transaction(deps.pool, async (tx) => {
        await lockCamera(tx, id);
        const before = await cameraByPublicId(tx, id);
        if (before === null) throw noSuchCamera();
        const retention =
          retentionDays === undefined ? null : await changeRetention(tx, id, retentionDays, await readClocks(tx, deps));
        const changed = await updateCamera(tx, id, wanted);
        const values = { before: auditedCamera(before), after: auditedCamera(changed.camera) };
        const by = doneBy(request, deps);
        await recordDeed(tx, { ...by, action: 'camera.change', ...values, ...aboutCamera(before) });
        if (retention !== null) await recordDeed(tx, { ...by, ...retentionDeed(retention) });
        return { ...changed, shortened: retention?.after };
      });
      const applied =
        version === null || (await deps.workflows.update('reconfigure', { cameraId: id, configVersion: version }));
      // Last: nothing waits for the count.
      const deletes = shortened === undefined ? undefined : await deletedBy(deps.pool, shortened);
      return reply.code(applied ? 200 : 202).send({ ...cameraAnswer(camera), deletes });
    },
  );
}

function sealSubstream(deps: ApiDeps, cameraId: string, url: string): SealedUrl {
  return sealCameraUrl(deps, 'substreamUrl', url, substreamUrlAad(cameraId));
}

/** @throws AppError not-found */
async function usableProfile(deps: ApiDeps, profileId: string | undefined): Promise<Profile> {
  const profile = profileId === undefined ? await defaultProfile(deps.pool) : await profileById(deps.pool, profileId);
  if (profile === null) throw new AppError('not-found', 'There is no such profile.');
  return profile;
}
