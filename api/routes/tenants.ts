import { recordDeed } from '../../db/audit.ts';
import { requestTenantDeletion } from '../../db/tenant-deletion.ts';
import { readClocks } from '../../db/clock.ts';
import {
  changeGraceArchive,
  insertTenant,
  listTenants,
  lockTenant,
  noSuchTenant,
  setGraceDays,
  tenantById,
  type Tenant,
} from '../../db/tenants.ts';
import { transaction, violatedUnique } from '../../db/sql.ts';
import { changeOfGraceArchive } from '../../domain/retention.ts';
import { AppError } from '../../errors.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { doneBy } from '../audit.ts';
import { deletedByRolling } from '../deleted-footage.ts';
import { decodeCursor, toPage } from '../paging.ts';
import {
  changedTenantSchema,
  listQuery,
  rollingPreviewSchema,
  tenantBody,
  tenantChangeBody,
  tenantList,
  tenantSchema,
} from '../schemas/account.ts';
import { commonProblems, conflictProblem, idParams, isoTime, isoTimeOrNull, uuid } from '../schemas/common.ts';
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
        description:
          'Cameras that are retired already keep the day they were given. An archive that ages in grace is a shorter ' +
          'retention: it takes effect after three days, in which it can be undone.',
        operationId: 'changeTenant',
        tags: ['tenants'],
        params: idParams,
        body: tenantChangeBody,
        response: { ...commonProblems, 200: changedTenantSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { graceDays, graceArchive } = request.body;
      const by = doneBy(request, deps);
      const changed = await transaction(deps.pool, async (tx) => {
        const tenant = await lockTenant(tx, id);
        if (tenant === null) throw noSuchTenant();
        let after = tenant;
        if (graceDays !== undefined) {
          await setGraceDays(tx, id, graceDays);
          after = { ...after, graceDays };
        }
        if (graceArchive !== undefined) {
          after = await changeGraceArchive(tx, after, graceArchive, (await readClocks(tx, deps)).laterMs);
        }
        const values = { before: audited(tenant), after: audited(after) };
        await recordDeed(tx, { ...by, action: 'tenant.change', tenantId: id, ...values });
        return after;
      });
      // Committed: counting years of footage takes seconds, for which no sweep and no other change may wait.
      const deletes = await deletedByRolling(deps.pool, changed, by.atMs);
      return { ...tenantAnswer(changed, deps), deletes };
    },
  );

  app.get(
    '/v1/tenants/:id/grace-archive/preview',
    {
      schema: {
        summary: 'What would be deleted if footage of this tenant’s retired cameras aged, and when',
        operationId: 'previewRollingGrace',
        tags: ['tenants'],
        params: idParams,
        response: { ...commonProblems, 200: rollingPreviewSchema },
      },
    },
    async (request) => {
      const tenant = await tenantById(deps.pool, request.params.id);
      if (tenant === null) throw noSuchTenant();
      const nowMs = deps.now();
      const { laterMs } = await readClocks(deps.pool, deps);
      const { rollsAtMs } = changeOfGraceArchive(tenant, 'rolling', laterMs);
      const deletes = await deletedByRolling(deps.pool, { id: tenant.id, rollsAtMs }, nowMs);
      return { effectiveAt: isoTime(rollsAtMs ?? nowMs), deletes };
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
        if (locked === null) throw noSuchTenant();
        if (locked.name !== request.body.name) throw wrongName('tenant', request.body.name);
        const by = doneBy(request, deps);
        const clocks = await readClocks(tx, deps);
        const changes = await requestTenantDeletion(tx, id, { by: by.actor, nowMs: by.atMs, graceMs, clocks });
        const before = { name: locked.name, cameras: changes.length, isBeingDeleted: false };
        const values = { before, after: { ...before, isBeingDeleted: true } };
        await recordDeed(tx, { ...by, action: 'tenant.delete', tenantId: id, ...values });
        return { tenant: locked, told: changes };
      });
      await deps.workflows.deleteTenant(id);
      await Promise.all(told.map((change) => deps.workflows.update('purgeNow', change)));
      return reply.code(202).send(tenantAnswer(tenant, deps));
    },
  );
}

function tenantAnswer(tenant: Tenant, deps: Pick<ApiDeps, 'graceDays'>) {
  const { id, name, createdAtMs, graceDays, graceArchive, rollsAtMs } = tenant;
  const next = rollsAtMs === null ? null : { graceArchive: 'rolling' as const, effectiveAt: isoTime(rollsAtMs) };
  return { id, name, createdAt: isoTime(createdAtMs), graceDays: graceDays ?? deps.graceDays, graceArchive, next };
}

/** What of a tenant the audit log shows. */
function audited({ graceDays, graceArchive, rollsAtMs }: Tenant) {
  return { graceDays, graceArchive, rollingFrom: isoTimeOrNull(rollsAtMs) };
}
