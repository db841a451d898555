import { signingKey } from '../db/signing-keys.ts';
import { transaction, type Pool } from '../db/sql.ts';
import type { Canonical } from '../domain/canonical-json.ts';
import { newSealedKey, signDocument, signingKeyAad, type SignedDocument } from '../security/certificates.ts';
import type { Sealer } from '../security/seal.ts';

/** Signs a document with the key that signs certificates; the first document of all makes it. */
export function signReport(
  deps: { pool: Pool; sealer: Sealer; now: () => number },
  document: Canonical,
): Promise<SignedDocument> {
  return transaction(deps.pool, async (tx) => {
    const first = { make: () => newSealedKey(deps.sealer), nowMs: deps.now(), actor: 'service:report' };
    const key = await signingKey(tx, first);
    const privateKey = deps.sealer.unseal(key.sealedPrivateKey, signingKeyAad(key.id));
    return signDocument(document, { id: key.id, publicKey: key.publicKey, privateKey });
  });
}
