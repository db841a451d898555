import { z } from 'zod';
import { listAuditEntries } from '../../db/audit.ts';
import type { ChainedEntry } from '../../domain/audit-chain.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { auditEntrySchema, auditList, auditQuery } from '../schemas/audit.ts';
import { commonProblems } from '../schemas/common.ts';

/** Who did what. */
export function registerAudit(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/audit',
    {
      schema: {
        summary: 'List the audit log, newest first',
        operationId: 'listAuditEntries',
        tags: ['audit'],
        querystring: auditQuery,
        response: { ...commonProblems, 200: auditList },
      },
    },
    async (request) => {
      const { limit, cursor, cameraId, tenantId } = request.query;
      const beforeId = cursor === undefined ? undefined : decodeCursor(cursor, z.number().int());
      const found = await listAuditEntries(deps.pool, { cameraId, tenantId, beforeId, limit: limit + 1 });
      return toPage(found, limit, auditAnswer, (entry) => entry.id);
    },
  );
}

function auditAnswer(entry: ChainedEntry): z.infer<typeof auditEntrySchema> {
  const body: unknown = JSON.parse(entry.body);
  return auditEntrySchema.parse({ ...(typeof body === 'object' ? body : {}), hash: entry.hash });
}
