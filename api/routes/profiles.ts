import { recordDeed } from '../../db/audit.ts';
import { deleteProfile, insertProfile, listProfiles, profileById, updateProfile } from '../../db/profiles.ts';
import { transaction } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems, conflictProblem, doneAnswer, idParams } from '../schemas/common.ts';
import { profileBody, profileChangeBody, profileList, profileSchema } from '../schemas/profile.ts';

/** What is kept of a camera's stream, and what finishing makes of it. */
export function registerProfiles(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/profiles',
    {
      schema: {
        summary: 'List profiles',
        operationId: 'listProfiles',
        tags: ['profiles'],
        response: { ...commonProblems, 200: profileList },
      },
    },
    async () => ({ items: await listProfiles(deps.pool) }),
  );

  app.post(
    '/v1/profiles',
    {
      schema: {
        summary: 'Make a profile',
        operationId: 'addProfile',
        tags: ['profiles'],
        body: profileBody,
        response: { ...commonProblems, ...conflictProblem, 201: profileSchema },
      },
    },
    async (request, reply) => {
      const made = await transaction(deps.pool, async (tx) => {
        const profile = await insertProfile(tx, request.body);
        await recordDeed(tx, { ...doneBy(request, deps), action: 'profile.add', after: { ...profile } });
        return profile;
      });
      return reply.code(201).send(made);
    },
  );

  app.patch(
    '/v1/profiles/:id',
    {
      schema: {
        summary: 'Change a profile for footage that is finished from now on',
        operationId: 'changeProfile',
        tags: ['profiles'],
        params: idParams,
        body: profileChangeBody,
        response: { ...commonProblems, ...conflictProblem, 200: profileSchema },
      },
    },
    async (request) => {
      return transaction(deps.pool, async (tx) => {
        const before = await profileById(tx, request.params.id);
        if (before === null) throw new AppError('not-found', 'There is no such profile.');
        const changes = Object.fromEntries(Object.entries(request.body).filter(([, value]) => value !== undefined));
        const after = await updateProfile(tx, { ...before, ...changes });
        const values = { before: { ...before }, after: { ...after } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'profile.change', ...values });
        return after;
      });
    },
  );

  app.delete(
    '/v1/profiles/:id',
    {
      schema: {
        summary: 'Delete a profile that nothing uses',
        operationId: 'deleteProfile',
        tags: ['profiles'],
        params: idParams,
        response: { ...commonProblems, ...conflictProblem, 204: doneAnswer },
      },
    },
    async (request, reply) => {
      await transaction(deps.pool, async (tx) => {
        const before = await profileById(tx, request.params.id);
        await deleteProfile(tx, request.params.id);
        await recordDeed(tx, { ...doneBy(request, deps), action: 'profile.delete', before: { ...before } });
      });
      return reply.code(204).send(undefined);
    },
  );
}
