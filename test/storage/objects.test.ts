import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createObjects, type Objects, type ObjectsOptions } from '../../storage/objects.ts';
import { testS3 } from '../support/objects.ts';
import { adminOf } from './buckets.ts';
import { startMinio, type Minio } from './minio.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function listAll(objects: Objects, prefix: string): Promise<{ key: string; bytes: number }[]> {
  const found = [];
  for await (const { key, bytes } of objects.list(prefix)) found.push({ key, bytes });
  return found;
}

let minio: Minio | null = null;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'framekeep-objects-'));
  minio = await startMinio();
});
afterAll(async () => {
  await minio?.stop();
  await rm(dir, { recursive: true, force: true });
});

describe.each(['seaweedfs', 'minio'] as const)('%s', (name) => {
  let options: ObjectsOptions;
  let objects: Objects;
  const skipped = () => name === 'minio' && minio === null;

  beforeAll(async () => {
    const bucket = `test-${randomBytes(8).toString('hex')}`;
    if (skipped()) return;
    options = name === 'minio' && minio !== null ? { ...minio.s3, bucket } : await testS3();
    objects = createObjects(options);
    await objects.ensureBucket();
  });
  afterAll(() => objects?.close());

  test('the bucket is made once, also by two at the same time', async ({ skip }) => {
    skip(skipped());
    const twin = createObjects({ ...options, bucket: `${options.bucket}-twin` });
    await Promise.all([twin.ensureBucket(), twin.ensureBucket()]);
    await twin.ensureBucket();
    expect(await listAll(twin, '')).toEqual([]);
    twin.close();
  });

  test('the store says what time it is, also before the bucket is made', async ({ skip }) => {
    skip(skipped());
    const young = createObjects({ ...options, bucket: `${options.bucket}-young` });
    for (const each of [objects, young]) {
      // It is dated in whole seconds, on this machine.
      const beforeMs = Date.now() - 1000;
      const told = await each.nowMs();
      expect(told).toBeGreaterThanOrEqual(beforeMs);
      expect(told).toBeLessThanOrEqual(Date.now());
    }
    young.close();
  });

  test('what is put is there, from a file as from a stream, and in ranges', async ({ skip }) => {
    skip(skipped());
    const bytes = randomBytes(3_000_000);
    const path = join(dir, `${name}.mp4`);
    await writeFile(path, bytes);
    expect(await objects.stat('a/file.mp4')).toBeNull();
    expect(await objects.put('a/file.mp4', path, bytes.length, sha256(bytes))).toBe('stored');
    expect(await objects.stat('a/file.mp4')).toEqual({ bytes: bytes.length });
    expect((await buffer(await objects.read('a/file.mp4'))).equals(bytes)).toBe(true);
    const range = (offset: number, length?: number) =>
      objects.read('a/file.mp4', length === undefined ? { offset } : { offset, length }).then(buffer);
    expect(await range(0, 10)).toEqual(bytes.subarray(0, 10));
    expect(await range(1_000_000, 5)).toEqual(bytes.subarray(1_000_000, 1_000_005));
    expect(await range(2_999_990)).toEqual(bytes.subarray(2_999_990));

    const small = Buffer.from('small');
    expect(await objects.put('a/small.mp4', Readable.from([small]), 5, sha256(small))).toBe('stored');
    expect(await buffer(await objects.read('a/small.mp4'))).toEqual(small);
  });

  test('an object that is there is not sent again', async ({ skip }) => {
    skip(skipped());
    const bytes = randomBytes(1000);
    await objects.put('again', Readable.from([bytes]), 1000, sha256(bytes));
    const unread = Readable.from([bytes]);
    expect(await objects.put('again', unread, 1000, sha256(bytes))).toBe('already');
    expect(unread.destroyed).toBe(true);
  });

  test('a wrong hash is refused by the server, and nothing is stored', async ({ skip }) => {
    skip(skipped());
    const bytes = randomBytes(200_000);
    const other = sha256(randomBytes(10));
    await expect(objects.put('wrong-hash', Readable.from([bytes]), bytes.length, other)).rejects.toThrow(
      /match|Mismatch|BadDigest/i,
    );
    expect(await objects.stat('wrong-hash')).toBeNull();
    expect(await listAll(objects, 'wrong-hash')).toEqual([]);
    expect(await objects.put('wrong-hash', Readable.from([bytes]), bytes.length, sha256(bytes))).toBe('stored');
  });

  test('a stream that breaks off stores nothing', async ({ skip }) => {
    skip(skipped());
    const bytes = randomBytes(300_000);
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 100_000);
        await Promise.resolve();
        throw new Error('the disk is gone');
      })(),
    );
    await expect(objects.put('broken', broken, bytes.length, sha256(bytes))).rejects.toThrow('the disk is gone');
    expect(await objects.stat('broken')).toBeNull();
  });

  test('a missing file is an error, not an empty object', async ({ skip }) => {
    skip(skipped());
    await expect(objects.put('missing', join(dir, 'no-such-file'), 10, sha256(Buffer.alloc(10)))).rejects.toThrow(
      'ENOENT',
    );
    expect(await objects.stat('missing')).toBeNull();
    await expect(objects.read('missing')).rejects.toMatchObject({ code: 'NoSuchKey' });
  });

  test('a listing goes on over its pages, in order', { timeout: 120_000 }, async ({ skip }) => {
    skip(skipped());
    const bytes = Buffer.from('x');
    const keys = Array.from({ length: 1_205 }, (_, i) => `many/${String(i).padStart(5, '0')}`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => objects.put(key, Readable.from([bytes]), 1, sha256(bytes))));
    }
    expect(await listAll(objects, 'many/')).toEqual(keys.map((key) => ({ key, bytes: 1 })));
    expect(await objects.remove([...keys, 'many/never-there'])).toEqual([]);
    expect(await listAll(objects, 'many/')).toEqual([]);
    expect(await objects.remove([])).toEqual([]);
  });

  test('a listing begins behind a key, tells folders and ages, and uploads are seen and aborted', async ({ skip }) => {
    skip(skipped());
    const bytes = Buffer.from('x');
    for (const key of ['tree/a/1', 'tree/a/2', 'tree/b/1', 'tree/root']) {
      await objects.put(key, Readable.from([bytes]), 1, sha256(bytes));
    }
    const behind = [];
    for await (const { key, modifiedMs } of objects.list('tree/', 'tree/a/1')) {
      expect(Math.abs(modifiedMs - Date.now())).toBeLessThan(600_000);
      behind.push(key);
    }
    expect(behind).toEqual(['tree/a/2', 'tree/b/1', 'tree/root']);
    const seen = [];
    for await (const item of objects.folder('tree/')) seen.push('folder' in item ? item.folder : item.key);
    expect(seen.toSorted()).toEqual(['tree/a/', 'tree/b/', 'tree/root']);
    await adminOf(options).initiateNewMultipartUpload(options.bucket, 'tree/a/upload', {});
    const uploads = async () => {
      const found = [];
      // MinIO lists uploads of a whole key only.
      for await (const upload of objects.uploads('tree/a/upload')) found.push(upload);
      return found;
    };
    const begun = await uploads();
    expect(begun).toMatchObject([{ key: 'tree/a/upload', kind: 'upload' }]);
    expect(Math.abs((begun[0]?.begunMs ?? 0) - Date.now())).toBeLessThan(600_000);
    expect(await objects.removeTraces(begun)).toEqual([]);
    expect(await uploads()).toEqual([]);
  });

  test('a versioned bucket keeps no version of what is removed', async ({ skip }) => {
    skip(skipped());
    const bucket = `${options.bucket}-versions`;
    const versioned = createObjects({ ...options, bucket });
    await versioned.ensureBucket();
    expect(await versioned.versioning()).toEqual({ versioned: false, locked: false });
    const admin = adminOf(options);
    await admin.setBucketVersioning(bucket, { Status: 'Enabled' });
    expect(await versioned.versioning()).toEqual({ versioned: true, locked: false });
    for (const text of ['one', 'twos', 'three']) {
      const bytes = Buffer.from(text);
      await versioned.put('key', Readable.from([bytes]), bytes.length, sha256(bytes));
    }
    await versioned.put('key-2', Readable.from([Buffer.from('kept')]), 4, sha256(Buffer.from('kept')));
    expect(await versioned.remove(['key'])).toEqual([]);
    const left = [];
    const listing: AsyncIterable<unknown> = admin.listObjects(bucket, '', true, { IncludeVersion: true });
    for await (const item of listing) left.push(item);
    expect(left).toMatchObject([{ name: 'key-2' }]);
    versioned.close();
  });

  test('a wrong key is refused with a clear code', async ({ skip }) => {
    skip(skipped());
    const stranger = createObjects({ ...options, secretKey: 'not-the-secret-key' });
    const bytes = Buffer.from('x');
    await expect(stranger.put('stranger', Readable.from([bytes]), 1, sha256(bytes))).rejects.toMatchObject({
      name: 'S3Error',
    });
    expect(await objects.stat('stranger')).toBeNull();
    stranger.close();
  });
});
