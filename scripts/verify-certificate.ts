import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { errorText } from '../errors.ts';
import { digestOf } from '../security/certificates.ts';
import { keyNotice, readKeys, readSigned } from './signed-file.ts';

const known = z.object({
  document: z.object({
    kind: z.string().optional(),
    issuedAt: z.string(),
    digest: z.object({ value: z.string() }).optional(),
  }),
  signature: z.object({ keyId: z.string() }),
});

/**
 * `npm run verify-certificate FILE [-- --keys KEYS --objects LIST]`: verifies a certificate, or a coverage report, offline.
 * KEYS is a copy of /.well-known/framekeep-keys.json, LIST of /v1/certificates/<id>/objects.
 */
async function run(): Promise<void> {
  const options = { keys: { type: 'string' }, objects: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Error('Give the one file to verify.');
  const published = await readKeys(values.keys);
  const { document, signature } = await readSigned(file, known, published);
  if (values.objects !== undefined && digestOf(await readFile(values.objects, 'utf8')) !== document.digest?.value) {
    throw new Error('the list of objects is not the one that the certificate is about');
  }
  process.stdout.write(
    [
      `The ${document.kind === undefined ? 'coverage report' : `${document.kind} certificate`} of ${document.issuedAt} is as it was signed, with key ${signature.keyId}.`,
      keyNotice(published),
      ...(values.objects === undefined ? [] : ['The list of objects is the one it is about.']),
      '',
    ].join('\n'),
  );
}

run().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
