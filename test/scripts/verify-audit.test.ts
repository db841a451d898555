import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastEntry, recordDeed } from '../../db/audit.ts';
import { transaction } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const root = join(import.meta.dirname, '../..');
let database: TestDatabase;
let dir: string;
/** Names where the log stands after its three entries. */
let certificate: string;
beforeAll(async () => {
  [database, dir] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), 'framekeep-audit-'))]);
  for (const name of ['Gate', 'Yard', 'Door']) {
    const deed = { atMs: Date.UTC(2026, 0, 1), actor: 'account:admin', action: 'camera.add', after: { name } } as const;
    await transaction(database.pool, (tx) => recordDeed(tx, deed));
  }
  const last = await lastEntry(database.pool);
  certificate = join(dir, 'certificate.json');
  await writeFile(certificate, JSON.stringify({ document: { audit: { entries: last.id, hash: last.hash } } }));
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

test(
  'npm run verify-audit passes a whole log, and says where another one does not fit',
  { timeout: 60_000 },
  async () => {
    expect(await verify([certificate])).toMatchObject({
      code: 0,
      printed: expect.stringMatching(/^3 entries, none changed or missing; the last hash is [0-9a-f]{64}\n$/),
    });
    await forge(`update audit_entry set body = replace(body, 'Yard', 'Yort') where id = 2`);
    expect(await verify()).toEqual({ code: 1, printed: expect.stringContaining('entry 2 was changed') });
    await forge(`update audit_entry set body = replace(body, 'Yort', 'Yard') where id = 2`);
    await forge(`delete from audit_entry where id = 3`);
    expect(await verify()).toMatchObject({ code: 0 }); // a chain that is cut off is whole
    expect(await verify([certificate])).toEqual({ code: 1, printed: expect.stringContaining('entry 3 differs') });
    await forge(`delete from audit_entry where id = 1`);
    expect(await verify()).toEqual({ code: 1, printed: expect.stringContaining('entry 1 is missing') });
  },
);
