import { randomBytes } from 'node:crypto';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { testServer } from './servers.ts';

/** What the run's S3 server wants to know, with a bucket name nobody else has; the bucket is not made yet. */
export async function testS3(): Promise<{
  endpoint: string;
  accessKey: string;
  secretKey: string;
  bucket: string;
  region: string;
}> {
  const server = await testServer('seaweedfs');
  return { ...server, bucket: `test-${randomBytes(8).toString('hex')}`, region: 'us-east-1' };
}

/** An empty bucket of this test's own; it goes with the run's server. */
export async function createTestBucket(): Promise<Objects> {
  const objects = createObjects(await testS3());
  await objects.ensureBucket();
  return objects;
}
