import { z } from 'zod';
import { amounts } from './retention.ts';
import { displayName, pageOf, pageQuery, timeOut, uuid } from './common.ts';

export const loginBody = z
  .strictObject({ login: z.string().min(1).max(200), password: z.string().min(1).max(1000) })
  .meta({ id: 'Login' });

export const meSchema = z
  .object({
    kind: z.enum(['account', 'api-key']),
    id: uuid,
    name: z.string().describe('The login, or the name of the API key.'),
    role: z.enum(['operator']),
  })
  .meta({ id: 'Me' });

export const passwordBody = z
  .strictObject({
    currentPassword: z.string().min(1).max(1000),
    newPassword: z.string().min(12, 'must be at least 12 characters').max(1000),
  })
  .meta({ id: 'PasswordChange' });

const apiKeySchema = z
  .object({ id: uuid, name: z.string(), role: z.enum(['operator']), createdAt: timeOut })
  .meta({ id: 'ApiKey' });

export const newApiKeySchema = apiKeySchema
  .extend({ key: z.string().describe('Shown this once; only its hash is kept.') })
  .meta({ id: 'NewApiKey' });

export const apiKeyBody = z.strictObject({ name: displayName }).meta({ id: 'ApiKeyName' });
export const apiKeyList = pageOf(apiKeySchema);

export const tenantSchema = z
  .object({
    id: uuid,
    name: z.string(),
    createdAt: timeOut,
    graceDays: z.number().int().describe('What a camera that is retired now is given.'),
    graceArchive: z.enum(['frozen', 'rolling']),
    next: z
      .object({ graceArchive: z.literal('rolling'), effectiveAt: timeOut })
      .nullable()
      .describe('Footage in grace will age; it can be undone until it takes effect.'),
  })
  .meta({ id: 'Tenant' });
export type TenantAnswer = z.infer<typeof tenantSchema>;

const deletes = z
  .object({ ...amounts, cameras: z.array(z.object({ cameraId: uuid, name: z.string(), ...amounts })) })
  .describe('What `next` deletes then and what would be kept otherwise.');
export const changedTenantSchema = tenantSchema.extend({ deletes }).meta({ id: 'ChangedTenant' });
export const rollingPreviewSchema = z
  .object({ effectiveAt: timeOut.describe('When it would take effect; now where it has.'), deletes })
  .meta({ id: 'RollingPreview' });
export const tenantBody = z.strictObject({ name: displayName }).meta({ id: 'NewTenant' });
export const tenantChangeBody = z
  .strictObject({
    graceDays: z.number().int().min(0).max(3650).nullable().optional().describe('null: as the installation is set.'),
    graceArchive: z
      .enum(['frozen', 'rolling'])
      .optional()
      .describe(
        'Whether footage of retired cameras goes on to age and to be deleted; `frozen` unless changed. `rolling` takes ' +
          'effect after three days, `frozen` at once, and undoes it.',
      ),
  })
  .refine((body) => Object.keys(body).length > 0, 'must name at least one field to change')
  .meta({ id: 'TenantChange' });
export const tenantList = pageOf(tenantSchema);

export const listQuery = z.strictObject(pageQuery);
