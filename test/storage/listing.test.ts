import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createObjects, type Objects, type ObjectTrace } from '../../storage/objects.ts';
import { bucketOn, legalHold, stores } from './buckets.ts';
import { startMinio, type Minio } from './minio.ts';

let minio: Minio | null = null;
beforeAll(async () => {
  minio = await startMinio();
});
afterAll(() => minio?.stop());

describe.each(stores)('%s', (store) => {
  test(
    'versions and uploads are listed over their pages, and more than a bulk delete takes are removed',
    { timeout: 120_000 },
    async ({ skip }) => {
      skip(store === 'minio' && minio === null, 'there is no MinIO here');
      const { objects: paged, client: admin, bucket } = await bucketOn(store, 'versioned', minio);
      // Three of each key, so that a page ends within a key. The third is a marker of its deletion.
      const keys = Array.from({ length: 335 }, (_, i) => `t/c/20260101/${i}-60000-1-0-${'ab'.repeat(8)}.mp4`);
      for (const key of keys) await admin.initiateNewMultipartUpload(bucket, key, {});
      for (let start = 0; start < keys.length; start += 20) {
        await Promise.all(
          keys.slice(start, start + 20).map(async (key) => {
            await admin.initiateNewMultipartUpload(bucket, key, {});
            await admin.initiateNewMultipartUpload(bucket, key, {});
            await admin.putObject(bucket, key, 'x');
            await admin.putObject(bucket, key, 'y');
            await admin.removeObject(bucket, key);
          }),
        );
      }
      const traces = async (): Promise<ObjectTrace[]> => {
        const found = [];
        for await (const trace of paged.traces('t/c/')) found.push(trace);
        return found;
      };
      const found = await traces();
      for (const kind of ['version', 'upload']) {
        const ids = found.filter((trace) => trace.kind === kind).map(({ key, id }) => `${key} ${id}`);
        expect([kind, ids.length, new Set(ids).size]).toEqual([kind, 1_005, 1_005]);
      }
      expect((await paged.remaining(keys)).toSorted()).toEqual(keys.toSorted());
      expect(await paged.remove(keys)).toEqual([]);
      expect(await paged.remaining(keys)).toEqual([]);
      expect(await paged.removeTraces(await traces())).toEqual([]);
      expect(await traces()).toEqual([]);
      paged.close();
    },
  );

  test('a locked object is reported, not taken for deleted', async ({ skip }) => {
    skip(store === 'minio' && minio === null, 'there is no MinIO here');
    const { objects: locked, client, bucket } = await bucketOn(store, 'locked', minio);
    expect(await locked.versioning()).toEqual({ versioned: true, locked: true });
    const bytes = Buffer.from('evidence');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await locked.put('held', Readable.from([bytes]), bytes.length, sha256);
    await legalHold(client, { bucket, key: 'held' }, 'ON');
    expect(await locked.remove(['held'])).toMatchObject([
      { key: 'held', error: expect.stringMatching(/WORM|AccessDenied/) },
    ]);
    expect(await locked.stat('held')).toEqual({ bytes: bytes.length });
    locked.close();
  });
});

/** A store made of answers, told from the query of the request: status and body. */
async function storeThatAnswers(
  answer: (query: URLSearchParams) => [number, string],
): Promise<{ objects: Objects; close: () => void }> {
  const server = createServer((request, response) => {
    const [status, body] = answer(new URL(request.url ?? '/', 'http://store').searchParams);
    request.resume();
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = { accessKey: 'a', secretKey: 'b'.repeat(16), bucket: 'framekeep', region: 'us-east-1' };
  const objects = createObjects({ ...keys, endpoint });
  const close = (): void => {
    objects.close();
    server.close();
  };
  return { objects, close };
}

test('a store that knows neither versions nor locks has neither, and what is in it can be deleted', async () => {
  const answers: Record<string, [number, string]> = {
    versioning: [501, '<Error><Code>NotImplemented</Code></Error>'],
    'object-lock': [405, ''],
    uploads: [200, '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>'],
    'list-type': [200, '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'],
    delete: [200, '<DeleteResult></DeleteResult>'],
  };
  const { objects, close } = await storeThatAnswers(
    (query) => answers[[...query.keys()].find((key) => key in answers) ?? ''] ?? [500, ''],
  );
  expect(await objects.versioning()).toEqual({ versioned: false, locked: false });
  expect(await objects.remove(['c/a'])).toEqual([]);
  for await (const trace of objects.traces('c/')) expect(trace).toBeUndefined();
  // Any other refusal says nothing of what the store can.
  answers['versioning'] = [403, '<Error><Code>AccessDenied</Code><Message>denied by the test</Message></Error>'];
  await expect(objects.remove(['c/a'])).rejects.toThrow('denied by the test');
  close();
});

test.each([
  ['uploads', 'ListMultipartUploadsResult', '<Upload><Key>c/a</Key><UploadId>u1</UploadId></Upload>'],
  ['versions', 'ListVersionsResult', '<Version><Key>c/a</Key><VersionId>v1</VersionId><Size>1</Size></Version>'],
])('a listing of %s that does not get on is an error, neither endless nor whole', async (kind, tag, item) => {
  const { objects, close } = await storeThatAnswers((query) => {
    if (query.has('versioning')) {
      return [200, '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'];
    }
    if (query.has('object-lock')) return [404, '<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>'];
    // The other listing is empty.
    if (!query.has(kind)) return [200, '<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>'];
    const markers = '<NextKeyMarker>c/a</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>';
    return [200, `<${tag}><IsTruncated>true</IsTruncated>${markers}${item}</${tag}>`];
  });
  const listed: ObjectTrace[] = [];
  const listAll = async (): Promise<void> => {
    for await (const trace of objects.traces('c/')) listed.push(trace);
  };
  await expect(listAll()).rejects.toThrow('says that its listing goes on');
  expect(listed.map(({ key }) => key)).toEqual(['c/a', 'c/a']);
  close();
});
