import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { ObjectsOptions } from '../../storage/objects.ts';
import type { Parts } from './parts.ts';

const content = z.object({
  databaseUrl: z.string(),
  s3: z.object({ endpoint: z.string(), accessKey: z.string(), secretKey: z.string() }),
});

const pathIn = (dataDir: string): string => join(dataDir, 'services.json');

/** Tells tools of this machine where the running parts are; only we may read it. @returns takes it away again */
export async function writeServices(dataDir: string, { databaseUrl, s3 }: Parts): Promise<() => Promise<void>> {
  const text = JSON.stringify({ databaseUrl, s3 } satisfies z.infer<typeof content>);
  await rm(pathIn(dataDir), { force: true });
  await writeFile(pathIn(dataDir), `${text}\n`, { mode: 0o600 });
  return () => rm(pathIn(dataDir), { force: true });
}

/**
 * Database and bucket: those of the settings, else the embedded ones of a running `npm start`.
 * @throws Error with a sentence for a person where neither is there
 */
export async function readServices(config: Config): Promise<{ databaseUrl: string; s3: ObjectsOptions }> {
  const { endpoint, accessKey, secretKey, bucket, region } = config.s3;
  const isGiven = config.databaseUrl !== undefined && endpoint !== undefined;
  if (isGiven && accessKey !== undefined && secretKey !== undefined && config.databaseUrl !== undefined) {
    return { databaseUrl: config.databaseUrl, s3: { endpoint, accessKey, secretKey, bucket, region } };
  }
  const text = await readFile(pathIn(config.dataDir), 'utf8').catch(() => null);
  if (text === null) {
    throw new Error(
      'framekeep does not run here: start it (npm start), or set FRAMEKEEP_DATABASE_URL and FRAMEKEEP_S3_ENDPOINT.',
    );
  }
  const running = content.parse(JSON.parse(text));
  return { databaseUrl: running.databaseUrl, s3: { ...running.s3, bucket, region } };
}
