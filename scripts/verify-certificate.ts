import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { errorText } from '../errors.ts';
import { digestOf, problemsOf } from '../security/certificates.ts';

const keysFile = z.object({ keys: z.array(z.object({ id: z.string(), publicKey: z.string() })) });
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
  const signed: unknown = JSON.parse(await readFile(file, 'utf8'));
  const published =
    values.keys === undefined ? undefined : keysFile.parse(JSON.parse(await readFile(values.keys, 'utf8'))).keys;
  const problems = problemsOf(signed, published);
  if (problems.length > 0) throw new Error(problems.join('; '));
  const { document, signature } = known.parse(signed);
  if (values.objects !== undefined && digestOf(await readFile(values.objects, 'utf8')) !== document.digest?.value) {
    throw new Error('the list of objects is not the one that the certificate is about');
  }
  process.stdout.write(
    [
      `The ${document.kind === undefined ? 'coverage report' : `${document.kind} certificate`} of ${document.issuedAt} is as it was signed, with key ${signature.keyId}.`,
      published === undefined
        ? 'Whose key that is was not checked: compare it with /.well-known/framekeep-keys.json, or give a copy by --keys.'
        : 'The key is one of the service’s.',
      ...(values.objects === undefined ? [] : ['The list of objects is the one it is about.']),
      '',
    ].join('\n'),
  );
}

run().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
