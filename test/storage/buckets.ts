import { randomBytes } from 'node:crypto';
import { Client } from 'minio';
import { createObjects, type Objects, type ObjectsOptions } from '../../storage/objects.ts';
import { testS3 } from '../support/objects.ts';
import type { Minio } from './minio.ts';

export const stores = ['seaweedfs', 'minio'] as const;

/** A bucket of one test's own, and what its store's administrator can do to it. */
export interface TestBucket {
  objects: Objects;
  client: Client;
  bucket: string;
}

/** A client that knows nothing of our rules. */
export function adminOf({ endpoint, accessKey, secretKey, region }: Omit<ObjectsOptions, 'bucket'>): Client {
  const url = new URL(endpoint);
  const address = { endPoint: url.hostname, port: Number(url.port), useSSL: false };
  return new Client({ ...address, accessKey, secretKey, region, pathStyle: true });
}

/** @param minio the test file's own; where it is null, only SeaweedFS may be asked for */
export async function bucketOn(
  store: (typeof stores)[number],
  kind: 'plain' | 'versioned' | 'locked',
  minio: Minio | null,
): Promise<TestBucket> {
  const own = { bucket: `test-${randomBytes(8).toString('hex')}` };
  const options: ObjectsOptions = store === 'minio' && minio !== null ? { ...minio.s3, ...own } : await testS3();
  const client = adminOf(options);
  const { bucket, region } = options;
  await client.makeBucket(bucket, region, { ObjectLocking: kind === 'locked' });
  if (kind === 'versioned') await client.setBucketVersioning(bucket, { Status: 'Enabled' });
  return { objects: createObjects(options), client, bucket };
}

/** The client's declared type is `void`, though it gives a promise. */
export async function legalHold(
  client: Client,
  object: { bucket: string; key: string },
  status: 'ON' | 'OFF',
): Promise<void> {
  const answer: unknown = client.setObjectLegalHold(object.bucket, object.key, { status });
  await answer;
}
