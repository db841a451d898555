import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { auditHash, chainedEntries } from '../db/audit.ts';
import { createPool } from '../db/sql.ts';
import { brokenLink, chainStart } from '../domain/audit-chain.ts';
import { errorText } from '../errors.ts';
import { readServices } from './start/services-file.ts';

const pageSize = 5000;
const anchored = z.object({ document: z.object({ audit: z.object({ entries: z.number(), hash: z.string() }) }) });

/**
 * `npm run verify-audit [CERTIFICATE...]`: follows the hash chain of the whole audit log. Certificates say where the
 * log ended when they were issued, so they show when entries were cut off or all of it was written anew.
 */
async function run(files: readonly string[]): Promise<void> {
  const config = loadConfig();
  const databaseUrl = config.databaseUrl ?? (await readServices(config)).databaseUrl;
  const anchors = new Map<number, string>();
  for (const file of files) {
    const { audit } = anchored.parse(JSON.parse(await readFile(file, 'utf8'))).document;
    anchors.set(audit.entries, audit.hash);
  }
  const pool = createPool(databaseUrl, { max: 1, applicationName: 'framekeep-verify-audit' });
  try {
    let last = { id: 0, hash: chainStart };
    for (;;) {
      const entries = await chainedEntries(pool, last.id, pageSize);
      const problem = brokenLink(entries, last, auditHash);
      if (problem !== null) throw new Error(problem);
      for (const { id, hash } of entries) if (anchors.get(id) === hash) anchors.delete(id);
      last = entries.at(-1) ?? last;
      if (entries.length < pageSize) break;
    }
    anchors.delete(0);
    if (anchors.size > 0) {
      throw new Error(
        `the log is not the one that a certificate names: entry ${[...anchors.keys()].join(', ')} differs`,
      );
    }
    process.stdout.write(`${last.id} entries, none changed or missing; the last hash is ${last.hash}\n`);
  } finally {
    await pool.end();
  }
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
