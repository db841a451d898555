import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listCertificates } from '../../db/certificates.ts';
import { bucketOn, legalHold, stores } from '../storage/buckets.ts';
import { startMinio, type Minio } from '../storage/minio.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { keysOf } from '../support/stored-footage.ts';
import { activitiesOf, certificateOf, purge, retiredCamera, waitOf } from './purge-site.ts';

let minio: Minio | null = null;
let database: TestDatabase;
beforeAll(async () => {
  [minio, database] = await Promise.all([startMinio(), createTestDatabase()]);
});
afterAll(async () => {
  await minio?.stop();
  await database?.drop();
});

describe.each(stores)('on %s', (server) => {
  test('old versions, delete markers and unfinished uploads go too', async ({ skip }) => {
    skip(server === 'minio' && minio === null, 'there is no MinIO here');
    const { objects, client, bucket } = await bucketOn(server, 'versioned', minio);
    const camera = await retiredCamera(database.pool, objects, 3);
    const [first = '', second = ''] = await keysOf(objects, camera);
    await client.removeObject(bucket, first); // leaves the version and a marker
    await client.putObject(bucket, second, Buffer.from('another version'));
    await client.initiateNewMultipartUpload(bucket, `${camera.tenantId}/${camera.id}/20260101/unfinished.mp4`, {});
    expect(await purge(activitiesOf(database.pool, objects), camera.id)).toEqual({ kind: 'done' });
    expect(await keysOf(objects, camera)).toEqual([]);
    expect(JSON.parse((await certificateOf(database.pool, camera.id)).document)).toMatchObject({
      document: { footage: { segments: 3 }, storage: { versioned: true, furtherObjects: 0 } },
    });
    objects.close();
  });

  test('what is unlocked after its row’s turn is in the certificate nonetheless', async ({ skip }) => {
    skip(server === 'minio' && minio === null, 'there is no MinIO here');
    const { objects, client, bucket } = await bucketOn(server, 'locked', minio);
    const camera = await retiredCamera(database.pool, objects, 2);
    const [key = ''] = await keysOf(objects, camera);
    await legalHold(client, { bucket, key }, 'ON');
    const activities = activitiesOf(database.pool, objects);
    await activities.startPurge(camera.id);
    expect(await activities.deletePurgedFootage(camera.id)).toEqual({ segments: 1, refused: 1 });
    await legalHold(client, { bucket, key }, 'OFF');
    expect(await activities.finishPurge(camera.id)).toMatchObject({ kind: 'waits', againInMs: 5_000 });
    expect(await purge(activities, camera.id)).toEqual({ kind: 'done' });
    expect(JSON.parse((await certificateOf(database.pool, camera.id)).document)).toMatchObject({
      document: { footage: { segments: 2 }, storage: { furtherObjects: 0 } },
    });
    objects.close();
  });

  test('a locked object is waited for: no certificate before it is gone', async ({ skip }) => {
    skip(server === 'minio' && minio === null, 'there is no MinIO here');
    const { objects, client, bucket } = await bucketOn(server, 'locked', minio);
    const camera = await retiredCamera(database.pool, objects, 2);
    const [first = ''] = await keysOf(objects, camera);
    await legalHold(client, { bucket, key: first }, 'ON');
    expect(await purge(activitiesOf(database.pool, objects), camera.id)).toMatchObject({ kind: 'waits' });
    expect(new Set(await keysOf(objects, camera))).toEqual(new Set([first]));
    expect(await waitOf(database.pool, camera.id)).toMatchObject({
      waitsFor: 'store',
      reason: expect.stringContaining(first),
    });
    expect(await listCertificates(database.pool, { cameraId: camera.id, limit: 1 })).toEqual([]);
    await legalHold(client, { bucket, key: first }, 'OFF');
    expect(await purge(activitiesOf(database.pool, objects), camera.id)).toEqual({ kind: 'done' });
    expect(JSON.parse((await certificateOf(database.pool, camera.id)).document)).toMatchObject({
      document: { footage: { segments: 2 } },
    });
    objects.close();
  });
});
