import { recordDeed } from '../../db/audit.ts';
import { insertTenant, listTenants, type Tenant } from '../../db/tenants.ts';
import { transaction, violatedUnique } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { doneBy } from '../audit.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { listQuery, tenantBody, tenantList, tenantSchema } from '../schemas/account.ts';
import { commonProblems, conflictProblem, isoTime, uuid } from '../schemas/common.ts';

/** Customers. */
export function registerTenants(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/tenants',
    {
      schema: {
        summary: 'List tenants',
        operationId: 'listTenants',
        tags: ['tenants'],
        querystring: listQuery,
        response: { ...commonProblems, 200: tenantList },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor, uuid);
      const found = await listTenants(deps.pool, { afterId, limit: limit + 1 });
      return toPage(found, limit, tenantAnswer, (tenant) => tenant.id);
    },
  );

  app.post(
    '/v1/tenants',
    {
      schema: {
        summary: 'Add a tenant',
        operationId: 'addTenant',
        tags: ['tenants'],
        body: tenantBody,
        response: { ...commonProblems, ...conflictProblem, 201: tenantSchema },
      },
    },
    async (request, reply) => {
      const { name } = request.body;
      const tenant = await transaction(deps.pool, async (tx) => {
        const made = await insertTenant(tx, name);
        await recordDeed(tx, { ...doneBy(request, deps), action: 'tenant.add', tenantId: made.id, after: { name } });
        return made;
      }).catch((error: unknown) => {
        if (violatedUnique(error) === null) throw error;
        throw new AppError('name-taken', `There is a tenant named "${name}" already.`);
      });
      return reply.code(201).send(tenantAnswer(tenant));
    },
  );
}

function tenantAnswer(tenant: Tenant) {
  return { id: tenant.id, name: tenant.name, createdAt: isoTime(tenant.createdAtMs) };
}
