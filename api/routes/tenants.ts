import { recordDeed } from '../../db/audit.ts';
import { requestTenantDeletion } from '../../db/tenant-deletion.ts';
import { insertTenant, listTenants, lockTenant, setGraceArchive, setGraceDays, type Tenant } from '../../db/tenants.ts';
import { transaction, violatedUnique } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { doneBy } from '../audit.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { listQuery, tenantBody, tenantChangeBody, tenantList, tenantSchema } from '../schemas/account.ts';
import { commonProblems, conflictProblem, idParams, isoTime, uuid } from '../schemas/common.ts';
import { tenantDeletionBody } from '../schemas/lifecycle.ts';
import { wrongName } from './purge.ts';

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
      return toPage(
        found,
        limit,
        (tenant) => tenantAnswer(tenant, deps),
        (tenant) => tenant.id,
      );
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
      return reply.code(201).send(tenantAnswer(tenant, deps));
    },
  );
}

/** Changes that concern all cameras of a tenant. */
export function registerTenantChanges(app: Api, deps: ApiDeps): void {
  app.patch(
    '/v1/tenants/:id',
    {
      schema: {
        summary:
          'Change how long the archive of this tenant’s cameras stays once they are retired, and whether it ages',
        description: 'Cameras that are retired already keep the day they were given.',
        operationId: 'changeTenant',
        tags: ['tenants'],
        params: idParams,
        body: tenantChangeBody,
        response: { ...commonProblems, 200: tenantSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { graceDays, graceArchive } = request.body;
      return transaction(deps.pool, async (tx) => {
        const tenant = await lockTenant(tx, id);
        if (tenant === null) throw new AppError('not-found', 'There is no such tenant.');
        if (graceDays !== undefined) await setGraceDays(tx, id, graceDays);
        if (graceArchive !== undefined) await setGraceArchive(tx, id, graceArchive);
        const before = { graceDays: tenant.graceDays, graceArchive: tenant.graceArchive };
        const after = { graceDays: graceDays === undefined ? before.graceDays : graceDays };
        const values = { before, after: { ...after, graceArchive: graceArchive ?? before.graceArchive } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'tenant.change', tenantId: id, ...values });
        return tenantAnswer({ ...tenant, ...values.after }, deps);
      });
    },
  );

  app.post(
    '/v1/tenants/:id/delete',
    {
      schema: {
        summary: 'Delete a tenant for good: all its cameras are purged; one certificate ends it',
        operationId: 'deleteTenant',
        tags: ['tenants'],
        params: idParams,
        body: tenantDeletionBody,
        response: { ...commonProblems, ...conflictProblem, 202: tenantSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const graceMs = deps.graceDays * 24 * 3_600_000;
      const { tenant, told } = await transaction(deps.pool, async (tx) => {
        const locked = await lockTenant(tx, id);
        if (locked === null) throw new AppError('not-found', 'There is no such tenant.');
        if (locked.name !== request.body.name) throw wrongName('tenant', request.body.name);
        const by = doneBy(request, deps);
        const changes = await requestTenantDeletion(tx, id, { by: by.actor, nowMs: by.atMs, graceMs });
        const before = { name: locked.name, cameras: changes.length };
        await recordDeed(tx, { ...by, action: 'tenant.delete', tenantId: id, before });
        return { tenant: locked, told: changes };
      });
      await deps.workflows.deleteTenant(id);
      await Promise.all(told.map((change) => deps.workflows.update('purgeNow', change)));
      return reply.code(202).send(tenantAnswer(tenant, deps));
    },
  );
}

function tenantAnswer(tenant: Tenant, deps: Pick<ApiDeps, 'graceDays'>) {
  const { id, name, createdAtMs, graceDays, graceArchive } = tenant;
  return { id, name, createdAt: isoTime(createdAtMs), graceDays: graceDays ?? deps.graceDays, graceArchive };
}
