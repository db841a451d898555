import { z } from 'zod';
import type { StoredCertificate } from '../../db/certificates.ts';
import { displayName, isoTime, pageOf, pageQuery, timeOut, uuid } from './common.ts';

export const purgeBody = z
  .strictObject({ name: z.string().max(200).describe('The camera’s name, typed: there is no way back.') })
  .meta({ id: 'Purge' });

export const tenantDeletionBody = z
  .strictObject({ name: displayName.describe('The tenant’s name, typed: there is no way back.') })
  .meta({ id: 'TenantDeletion' });

const certificateSchema = z
  .object({
    id: uuid,
    kind: z.enum(['purge', 'retention', 'tenant']),
    tenantId: uuid,
    cameraId: uuid.nullable(),
    month: z.string().nullable().describe('Of rolling deletions: when they took place, UTC.'),
    issuedAt: timeOut,
  })
  .meta({ id: 'CertificateEntry' });

export const certificateQuery = z.strictObject({ ...pageQuery, cameraId: uuid.optional(), tenantId: uuid.optional() });
export const certificateList = pageOf(certificateSchema);

/** A certificate in a list; the signed document is at its own address. */
export function certificateAnswer(certificate: StoredCertificate): z.infer<typeof certificateSchema> {
  const { id, kind, tenantId, cameraId, month, issuedAtMs } = certificate;
  return { id, kind, tenantId, cameraId, month, issuedAt: isoTime(issuedAtMs) };
}

export const signedCertificate = z
  .object({
    document: z.record(z.string(), z.unknown()),
    signature: z.object({
      algorithm: z.literal('Ed25519'),
      keyId: z.string(),
      publicKey: z.string().describe('Base64url of the 32 bytes.'),
      value: z.string().describe('Over `framekeep-signed-document/1`, a line feed, and `document` in canonical JSON.'),
    }),
  })
  .meta({ id: 'Certificate' });

export const publishedKeys = z
  .object({
    keys: z.array(
      z.object({
        id: z.string().describe('The first 32 hex digits of the SHA-256 of the 32 bytes.'),
        algorithm: z.literal('Ed25519'),
        publicKey: z.string().describe('Base64url of the 32 bytes.'),
        createdAt: timeOut,
        retiredAt: timeOut.nullable().describe('Since then it signs nothing; what it signed before stays valid.'),
      }),
    ),
  })
  .meta({ id: 'PublishedKeys' });
