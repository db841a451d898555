import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastEntry, recordDeed } from '../../db/audit.ts';
import { transaction } from '../../db/sql.ts';
import { newSigningKey, signDocument } from '../../security/certificates.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const root = join(import.meta.dirname, '../..');
let database: TestDatabase;
let dir: string;
const key = newSigningKey();
const filed = (name: string): string => join(dir, name);
async function record(name: string): Promise<void> {
  const deed = { atMs: Date.UTC(2026, 0, 1), actor: 'account:admin', action: 'camera.add', after: { name } } as const;
  await transaction(database.pool, (tx) => recordDeed(tx, deed));
}

/** A file that names where the log stands now. */
async function certificate(name: string, by = key): Promise<string> {
  const { id, hash } = await lastEntry(database.pool);
  const signed = signDocument({ kind: 'retention', audit: { entries: id, hash } }, by);
  await writeFile(filed(name), JSON.stringify(signed));
  return filed(name);
}

beforeAll(async () => {
  [database, dir] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), 'framekeep-audit-'))]);
  await writeFile(
    filed('keys'),
    JSON.stringify({ keys: [{ id: key.id, publicKey: key.publicKey.toString('base64url') }] }),
  );
});
afterAll(async () => {
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

/** The command as an operator runs it. */
function verify(files: string[] = []): Promise<{ code: number; printed: string }> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    FRAMEKEEP_DATABASE_URL: database.url,
    FRAMEKEEP_SECRET_KEY: '0'.repeat(64),
  };
  return new Promise((resolve) => {
    execFile('npm', ['run', '--silent', 'verify-audit', '--', ...files], { cwd: root, env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), printed: out + err });
    });
  });
}

/** As somebody does who owns the database: its own refusal is no obstacle. */
async function forge(statement: string): Promise<void> {
  await database.pool.query(`alter table audit_entry disable trigger user`);
  await database.pool.query(statement);
}

test('npm run verify-audit passes a whole log, and says where another one does not fit', async () => {
  const empty = await certificate('empty.json');
  for (const name of ['Gate', 'Yard', 'Door']) await record(name);
  const before = await certificate('before.json');
  expect(await verify(['--keys', filed('keys'), empty, before])).toEqual({
    code: 0,
    printed: expect.stringMatching(
      /^3 entries, none changed or missing; the last hash is [0-9a-f]{64}\nIt is the log that 2 .* one of the service’s.\n$/,
    ),
  });
  await forge(`update audit_entry set body = replace(body, 'Yard', 'Yort') where id = 2`);
  expect(await verify()).toEqual({ code: 1, printed: expect.stringContaining('entry 2 was changed') });
  await forge(`update audit_entry set body = replace(body, 'Yort', 'Yard') where id = 2`);
  await forge(`delete from audit_entry where id = 3`);
  expect(await verify()).toMatchObject({ code: 0 }); // a chain that is cut off is whole

  // An end that was written anew is whole, too, and has certificates of its own.
  await record('Roof');
  const after = await certificate('after.json');
  const told = expect.stringContaining(`is not the one that ${before} names: entry 3 differs\n`);
  expect(await verify([before, empty, after])).toEqual({ code: 1, printed: told });
  await forge(`delete from audit_entry where id = 1`);
  expect(await verify()).toEqual({ code: 1, printed: expect.stringContaining('entry 1 is missing') });
});

test('a certificate that was changed, or signed by somebody else, vouches for no log', async () => {
  const own = await certificate('own.json', newSigningKey());
  const problem = 'is not among the service';
  expect(await verify(['--keys', filed('keys'), own])).toEqual({ code: 1, printed: expect.stringContaining(problem) });
  const text = await readFile(own, 'utf8');
  await writeFile(own, text.replace('"entries":', '"entries":1'));
  expect(await verify([own])).toEqual({
    code: 1,
    printed: expect.stringContaining(`${own}: the signature does not fit`),
  });
});
