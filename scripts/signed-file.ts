import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { errorText } from '../errors.ts';
import { problemsOf, type PublishedKey } from '../security/certificates.ts';

const keysFile = z.object({ keys: z.array(z.object({ id: z.string(), publicKey: z.string() })) });

/** The service's keys from a copy of /.well-known/framekeep-keys.json; undefined where no copy is given. */
export async function readKeys(file: string | undefined): Promise<PublishedKey[] | undefined> {
  return file === undefined ? undefined : keysFile.parse(JSON.parse(await readFile(file, 'utf8'))).keys;
}

/** What was checked of the key that a file is signed with, for people. */
export function keyNotice(published: readonly PublishedKey[] | undefined): string {
  return published === undefined
    ? 'Whose key that is was not checked: compare it with /.well-known/framekeep-keys.json, or give a copy by --keys.'
    : 'The key is one of the service’s.';
}

/**
 * A signed file, once its signature fits.
 * @throws Error naming the file: it cannot be read, was changed, is signed with another key, or is of another kind
 */
export async function readSigned<Shape extends z.ZodType>(
  file: string,
  shape: Shape,
  published: readonly PublishedKey[] | undefined,
): Promise<z.output<Shape>> {
  try {
    const signed: unknown = JSON.parse(await readFile(file, 'utf8'));
    const problems = problemsOf(signed, published);
    if (problems.length > 0) throw new Error(problems.join('; '));
    return shape.parse(signed);
  } catch (error) {
    throw new Error(`${file}: ${errorText(error)}`, { cause: error });
  }
}
