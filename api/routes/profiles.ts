import { listProfiles } from '../../db/profiles.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { commonProblems } from '../schemas/common.ts';
import { profileList } from '../schemas/service.ts';

/** What may be kept of a camera's stream. */
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
}
