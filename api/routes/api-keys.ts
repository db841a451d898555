import { deleteApiKey, insertApiKey, listApiKeys, type ApiKey } from '../../db/api-keys.ts';
import { violatedUnique } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { newToken, sha256 } from '../../security/tokens.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { apiKeyBody, apiKeyList, listQuery, newApiKeySchema } from '../schemas/account.ts';
import { commonProblems, conflictProblem, doneAnswer, idParams, isoTime, uuid } from '../schemas/common.ts';

/** Keys for programs. */
export function registerApiKeys(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/api-keys',
    {
      schema: {
        summary: 'List API keys, without their values',
        operationId: 'listApiKeys',
        tags: ['api-keys'],
        querystring: listQuery,
        response: { ...commonProblems, 200: apiKeyList },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor, uuid);
      const found = await listApiKeys(deps.pool, { afterId, limit: limit + 1 });
      return toPage(found, limit, apiKeyAnswer, (apiKey) => apiKey.id);
    },
  );

  app.post(
    '/v1/api-keys',
    {
      schema: {
        summary: 'Make an API key; its value is shown only in this answer',
        operationId: 'addApiKey',
        tags: ['api-keys'],
        body: apiKeyBody,
        response: { ...commonProblems, ...conflictProblem, 201: newApiKeySchema },
      },
    },
    async (request, reply) => {
      const { name } = request.body;
      const key = newToken();
      const apiKey = await insertApiKey(deps.pool, { name, keySha256: sha256(key), role: 'operator' }).catch(
        (error: unknown) => {
          if (violatedUnique(error) === null) throw error;
          throw new AppError('name-taken', `There is an API key named "${name}" already.`);
        },
      );
      return reply.code(201).send({ ...apiKeyAnswer(apiKey), key });
    },
  );

  app.delete(
    '/v1/api-keys/:id',
    {
      schema: {
        summary: 'Remove an API key; it stops working at once',
        operationId: 'removeApiKey',
        tags: ['api-keys'],
        params: idParams,
        response: { ...commonProblems, 204: doneAnswer },
      },
    },
    async (request, reply) => {
      if (!(await deleteApiKey(deps.pool, request.params.id))) {
        throw new AppError('not-found', 'There is no such API key.');
      }
      return reply.code(204).send();
    },
  );
}

function apiKeyAnswer(apiKey: ApiKey) {
  return { id: apiKey.id, name: apiKey.name, role: apiKey.role, createdAt: isoTime(apiKey.createdAtMs) };
}
