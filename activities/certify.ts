import { lastEntry, recordDeed } from '../db/audit.ts';
import { insertCertificate } from '../db/certificates.ts';
import { signingKey } from '../db/signing-keys.ts';
import type { Transaction } from '../db/sql.ts';
import type { Certificate } from '../domain/certificate.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { newSealedKey, signDocument, signingKeyAad } from '../security/certificates.ts';
import type { Sealer } from '../security/seal.ts';
import { newUuid } from '../security/uuid.ts';

/** What every certificate begins with. */
export type IssuedPart = Pick<Certificate, 'format' | 'id' | 'issuedAt' | 'audit'>;

/**
 * Signs a certificate and keeps it, in the transaction of what it certifies: there is no deletion that is done without
 * its certificate, and none that is issued twice. The first one makes the signing key.
 * @param about.lines what its digest is over; null for a tenant's
 * @returns the certificate's id
 */
export async function certify(
  tx: Transaction,
  deps: { sealer: Sealer; nowMs: number; failpoint?: Failpoint | undefined },
  about: { tenantId: string; cameraId: string | null; month: string | null; lines: string | null },
  build: (issued: IssuedPart) => Certificate,
): Promise<string> {
  const { sealer, nowMs, failpoint = noFailpoint } = deps;
  const id = newUuid(nowMs);
  const last = await lastEntry(tx);
  const certificate = build({
    format: 'framekeep-certificate/1',
    id,
    issuedAt: new Date(nowMs).toISOString(),
    audit: { entries: last.id, hash: last.hash },
  });
  const { kind } = certificate;
  const actor = `service:${kind}`;
  const key = await signingKey(tx, { make: () => newSealedKey(sealer), nowMs, actor });
  const { publicKey } = key;
  const privateKey = sealer.unseal(key.sealedPrivateKey, signingKeyAad(key.id));
  const document = JSON.stringify(signDocument(certificate, { id: key.id, publicKey, privateKey }), null, 2);
  const { lines, ...subject } = about;
  await insertCertificate(tx, { id, kind, ...subject, issuedAtMs: nowMs, document }, lines);
  const deed = { tenantId: about.tenantId, cameraId: about.cameraId ?? undefined, after: { id, kind, keyId: key.id } };
  await recordDeed(tx, { atMs: nowMs, actor, action: 'certificate.issue', ...deed });
  await failpoint('signed');
  return id;
}
