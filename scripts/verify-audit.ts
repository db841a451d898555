import { parseArgs } from 'node:util';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { auditHash, chainedEntries } from '../db/audit.ts';
import { createPool } from '../db/sql.ts';
import { brokenLink, chainStart } from '../domain/audit-chain.ts';
import { errorText } from '../errors.ts';
import { keyNotice, readKeys, readSigned } from './signed-file.ts';
import { readServices } from './start/services-file.ts';

const pageSize = 5000;
const anchored = z.object({ document: z.object({ audit: z.object({ entries: z.number(), hash: z.string() }) }) });

/**
 * `npm run verify-audit [CERTIFICATE... -- --keys KEYS]`: follows the hash chain of the whole audit log. Certificates say
 * where the log ended when they were issued, so they show when entries were cut off or all of it was written anew. Each
 * one's signature is verified first, as by `npm run verify-certificate`; several may name the same entry.
 */
async function run(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { keys: { type: 'string' } }, allowPositionals: true });
  const published = await readKeys(values.keys);
  const anchors = await Promise.all(
    positionals.map(async (file) => ({ file, ...(await readSigned(file, anchored, published)).document.audit })),
  );
  const config = loadConfig();
  const databaseUrl = config.databaseUrl ?? (await readServices(config)).databaseUrl;
  const pool = createPool(databaseUrl, { max: 1, applicationName: 'framekeep-verify-audit' });
  try {
    let last = { id: 0, hash: chainStart };
    const unmet = new Set(anchors);
    const meet = (entries: readonly { id: number; hash: string }[]): void => {
      const hashes = new Map(entries.map(({ id, hash }) => [id, hash]));
      for (const anchor of unmet) if (hashes.get(anchor.entries) === anchor.hash) unmet.delete(anchor);
    };
    meet([last]); // a certificate may be older than all entries
    for (;;) {
      const entries = await chainedEntries(pool, last.id, pageSize);
      const problem = brokenLink(entries, last, auditHash);
      if (problem !== null) throw new Error(problem);
      meet(entries);
      last = entries.at(-1) ?? last;
      if (entries.length < pageSize) break;
    }
    if (unmet.size > 0) {
      const differ = [...unmet].map(({ file, entries }) => `${file} names: entry ${entries} differs`);
      throw new Error(`the log is not the one that ${differ.join('; nor the one that ')}`);
    }
    const lines = [`${last.id} entries, none changed or missing; the last hash is ${last.hash}`];
    if (anchors.length > 0) {
      lines.push(`It is the log that ${anchors.length} certificate(s) name. ${keyNotice(published)}`);
    }
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    await pool.end();
  }
}

run().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
