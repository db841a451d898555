import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listAuditEntries } from '../../db/audit.ts';
import { replaceSigningKey, signingKey, signingKeys } from '../../db/signing-keys.ts';
import { transaction } from '../../db/sql.ts';
import { newSealedKey } from '../../security/certificates.ts';
import { createSealer } from '../../security/seal.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/lock-wait.ts';

const nowMs = Date.UTC(2026, 10, 1);
const make = () => newSealedKey(createSealer(randomBytes(32).toString('hex')));
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const sign = () =>
  transaction(database.pool, (tx) => signingKey(tx, { make, nowMs, actor: 'service:purge-certificate' }));

test('the first document makes the key, and the audit log says so', async () => {
  const key = await sign();
  expect(await sign()).toEqual(key);
  expect((await signingKeys(database.pool)).map(({ id }) => id)).toEqual([key.id]);
  const entries = await listAuditEntries(database.pool, { limit: 10 });
  expect(entries.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { action: 'signing-key.add', actor: 'service:purge-certificate', after: { id: key.id } },
  ]);
});

test('a document that is signed while the key is rotated has the new one', async () => {
  const rotated = make();
  const signed = await transaction(database.pool, async (tx) => {
    await replaceSigningKey(tx, rotated, nowMs);
    const waiting = sign();
    await untilSomebodyWaits(database.pool);
    return { waiting };
  });
  expect(await signed.waiting).toEqual(rotated);
  expect(await signingKeys(database.pool)).toHaveLength(2);
});
