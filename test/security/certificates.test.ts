import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, newSigningKey, problemsOf, signDocument, type SignedDocument } from '../../security/certificates.ts';

const lines = 'a/1.mp4 00\na/2.mp4 01\n';
const document = {
  kind: 'purge',
  issuedAt: '2026-11-24T00:00:00.000Z',
  digest: { value: digestOf(lines) },
  n: [1, null],
};
const key = newSigningKey();
const signed = signDocument(document, key);
const published = [{ id: key.id, publicKey: key.publicKey.toString('base64url') }];

test('a document verifies however its file is laid out', () => {
  expect(problemsOf(signed, published)).toEqual([]);
  expect(problemsOf(JSON.parse(JSON.stringify(signed, null, 7)), published)).toEqual([]);
  const { n, digest, ...rest } = document;
  expect(problemsOf({ signature: signed.signature, document: { n, ...rest, digest } }, published)).toEqual([]);
});

test('any change is found', () => {
  expect(problemsOf({ ...signed, document: { ...document, kind: 'tenant' } })).not.toEqual([]);
  expect(problemsOf({ ...signed, document: { ...document, more: 1 } })).not.toEqual([]);
  expect(problemsOf({ document })).not.toEqual([]);
  expect(problemsOf(null)).not.toEqual([]);
});

test('a signature with a key of one’s own is found by the published keys', () => {
  const forged = signDocument(document, newSigningKey());
  expect(problemsOf(forged)).toEqual([]);
  expect(problemsOf(forged, published)).toEqual([`key ${forged.signature.keyId} is not among the service's keys`]);
  const claiming: SignedDocument = { ...forged, signature: { ...forged.signature, keyId: key.id } };
  expect(problemsOf(claiming, published)).not.toEqual([]);
});

test('what an old key signed stays valid when another one signs', () => {
  const next = newSigningKey();
  const both = [...published, { id: next.id, publicKey: next.publicKey.toString('base64url') }];
  expect(problemsOf(signed, both)).toEqual([]);
  expect(problemsOf(signDocument(document, next), both)).toEqual([]);
});

describe('npm run verify-certificate', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'framekeep-certificate-'));
    await writeFile(join(dir, 'certificate.json'), JSON.stringify(signed));
    await writeFile(join(dir, 'changed.json'), JSON.stringify({ ...signed, document: { ...document, n: [2] } }));
    await writeFile(join(dir, 'keys.json'), JSON.stringify({ keys: published }));
    await writeFile(join(dir, 'objects.txt'), lines);
    await writeFile(join(dir, 'fewer.txt'), lines.slice(0, 11));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function verify(...parts: string[]): Promise<{ ok: boolean; text: string }> {
    const args = parts.map((part) => (part.includes('.') ? join(dir, part) : part));
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/verify-certificate.ts', ...args]);
    return run.then(
      ({ stdout }) => ({ ok: true, text: stdout }),
      (error: unknown) => ({ ok: false, text: String(error) }),
    );
  }

  test('says yes offline, and whose key it was', async () => {
    expect(await verify('certificate.json')).toMatchObject({ ok: true, text: expect.stringContaining(key.id) });
    const whole = await verify('certificate.json', '--keys', 'keys.json', '--objects', 'objects.txt');
    expect(whole).toMatchObject({ ok: true, text: expect.stringContaining('one of the service’s') });
  });

  test('says no to a changed one, and to another list', async () => {
    expect(await verify('changed.json')).toMatchObject({ ok: false });
    expect(await verify('certificate.json', '--objects', 'fewer.txt')).toMatchObject({ ok: false });
  });
});
