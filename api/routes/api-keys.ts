import { deleteApiKey, insertApiKey, listApiKeys, type ApiKey } from '../../db/api-keys.ts';
import { recordDeed } from '../../db/audit.ts';
import { transaction, violatedUnique } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { newToken, sha256 } from '../../security/tokens.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { doneBy } from '../audit.ts';
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
      const apiKey = await transaction(deps.pool, async (tx) => {
        const made = await insertApiKey(tx, { name, keySha256: sha256(key), role: 'operator' });
        const after = { id: made.id, name, role: made.role };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'api-key.add', after });
        return made;
      }).catch((error: unknown) => {
        if (violatedUnique(error) === null) throw error;
        throw new AppError('name-taken', `There is an API key named "${name}" already.`);
      });
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
      const { id } = request.params;
      await transaction(deps.pool, async (tx) => {
        const removed = await deleteApiKey(tx, id);
        if (removed === null) throw new AppError('not-found', 'There is no such API key.');
        const before = { id, name: removed.name, role: removed.role };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'api-key.remove', before });
      });
      return reply.code(204).send();
    },
  );
}

function apiKeyAnswer(apiKey: ApiKey) {
  return { id: apiKey.id, name: apiKey.name, role: apiKey.role, createdAt: isoTime(apiKey.createdAtMs) };
}
