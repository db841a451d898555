import { z } from 'zod';
import { pageOf, pageQuery, timeOut, uuid } from './common.ts';

export const auditEntrySchema = z
  .object({
    id: z.number().int().describe('1, 2, 3, ... without a hole.'),
    at: timeOut,
    actor: z.string().describe('`account:<login>`, `api-key:<name>` or `service:<what>`.'),
    action: z.string(),
    tenantId: uuid.nullable(),
    cameraId: uuid.nullable(),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable(),
    hash: z.string().describe('SHA-256 of the previous entry’s hash and this entry in canonical JSON, without `hash`.'),
  })
  .meta({ id: 'AuditEntry' });

export const auditQuery = z.strictObject({ ...pageQuery, cameraId: uuid.optional(), tenantId: uuid.optional() });
export const auditList = pageOf(auditEntrySchema);
