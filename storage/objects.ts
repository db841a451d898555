import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { chunksOf, withBuffers } from './file-chunks.ts';
import { createListing, pageSize, type ListedObject, type ObjectTrace } from './listing.ts';
import { codeOf, createS3Client, isMissing, toFailure, type ObjectsOptions } from './s3-client.ts';

/** One that is being sent, one that is read ahead; the next is read once the first is sent. */
const buffersOfPut = 2;

export type { ObjectsOptions, ObjectTrace };

/** One bucket of an S3-compatible store. Every wait has an end: a dead store gives an error within about 10 s. */
export interface Objects {
  /** Makes the bucket where it is missing. */
  ensureBucket(): Promise<void>;
  /**
   * Stores an object unless it is there in full; keys name their content, so that is the same one.
   * The server checks the hash of what it received and stores nothing when it differs.
   * @param source a file's path, or a stream that is read once
   * @param sha256 hex
   */
  put(key: string, source: string | Readable, bytes: number, sha256: string): Promise<'stored' | 'already'>;
  /** The object's size, or null when there is none. */
  stat(key: string): Promise<{ bytes: number } | null>;
  /** The object's bytes, or `length` of them from `offset`. @throws an error with code NoSuchKey when there is none */
  read(key: string, range?: { offset: number; length?: number }): Promise<Readable>;
  /**
   * Deletes objects, in a versioned bucket with all their versions. Missing ones count as deleted.
   * @returns those that could not be deleted, and why
   */
  remove(keys: readonly string[]): Promise<{ key: string; error: string }[]>;
  /** All objects below a prefix, in the order of their keys. @param after only keys behind this one */
  list(prefix: string, after?: string): AsyncIterable<ListedObject>;
  /** What stands right below a prefix that ends in `/` (or is empty): folders, which end in `/` too, and objects. */
  folder(prefix: string): AsyncIterable<{ folder: string } | ListedObject>;
  /** Multipart uploads that were begun and not finished. */
  uploads(prefix: string): AsyncIterable<ObjectTrace & { begunMs: number }>;
  /**
   * Which of these keys can still be addressed, be it by an old version only. Their folders are listed, not each key
   * asked for: that is five times as fast, and shows versions too.
   */
  remaining(keys: readonly string[]): Promise<string[]>;
  /** All that is stored below a prefix; when nothing is listed, nothing can be addressed any more. */
  traces(prefix: string): AsyncIterable<ObjectTrace>;
  /** Removes traces. @returns those that could not be removed (locked ones), and why */
  removeTraces(traces: readonly ObjectTrace[]): Promise<{ key: string; error: string }[]>;
  /** Whether deleting by key leaves old versions, and whether objects can be locked against deletion. */
  versioning(): Promise<{ versioned: boolean; locked: boolean }>;
  /** The store's own clock, in whole seconds as its answers are dated; null: they are not. */
  nowMs(): Promise<number | null>;
  /** Closes idle connections. */
  close(): void;
}

/** A bucket of an S3-compatible store. */
export function createObjects(options: ObjectsOptions): Objects {
  const { bucket, region } = options;
  const { client, close } = createS3Client(options);
  const { versioning, objectsBelow, folder, uploadsBelow, tracesBelow, storedUnder } = createListing(client, bucket);

  async function stat(key: string): Promise<{ bytes: number } | null> {
    try {
      return { bytes: (await client.statObject(bucket, key)).size };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async function removeTargets(
    targets: readonly { name: string; versionId?: string }[],
  ): Promise<{ key: string; error: string }[]> {
    const failures: { key: string; error: string }[] = [];
    for (let start = 0; start < targets.length; start += pageSize) {
      // Declared as `{Error: {...}}`, yet each item is the error itself.
      const errors: unknown[] = await client.removeObjects(bucket, targets.slice(start, start + pageSize));
      failures.push(...errors.map(toFailure));
    }
    return failures;
  }

  async function send(key: string, body: Readable, bytes: number, sha256: string): Promise<'stored'> {
    try {
      const answer = await client.makeRequestStreamAsync(
        {
          method: 'PUT',
          bucketName: bucket,
          objectName: key,
          headers: {
            'content-length': String(bytes),
            'content-type': 'video/mp4',
            'x-amz-meta-sha256': sha256,
            // SeaweedFS 4.48 checks this one and not the hash in the signature, MinIO and S3 check both.
            'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
          },
        },
        body,
        sha256,
        [200],
        region,
      );
      await pipeline(answer, discard());
      return 'stored';
    } finally {
      body.destroy();
    }
  }

  return {
    async ensureBucket() {
      if (await client.bucketExists(bucket)) return;
      await client.makeBucket(bucket, region).catch((error: unknown) => {
        // Another process made it in the meantime.
        if (codeOf(error) !== 'BucketAlreadyOwnedByYou') throw error;
      });
    },

    async put(key, source, bytes, sha256) {
      if ((await stat(key))?.bytes === bytes) {
        if (typeof source !== 'string') source.destroy();
        return 'already';
      }
      if (typeof source !== 'string') return send(key, source, bytes, sha256);
      return withBuffers(buffersOfPut, (buffers) =>
        // Were memory used again too early, the server would refuse the hash.
        send(key, Readable.from(chunksOf(source, buffers), { highWaterMark: 1 }), bytes, sha256),
      );
    },

    stat,

    read: (key, range) => client.getPartialObject(bucket, key, range?.offset ?? 0, range?.length ?? 0),

    async remove(keys) {
      if (keys.length === 0) return [];
      const { versioned } = await versioning();
      if (!versioned) return removeTargets(keys.map((name) => ({ name })));
      const targets: { name: string; versionId: string }[] = [];
      for await (const { key, id } of storedUnder(keys, true)) targets.push({ name: key, versionId: id ?? 'null' });
      return removeTargets(targets);
    },

    list: objectsBelow,

    folder,

    uploads: uploadsBelow,

    async remaining(keys) {
      const { versioned } = await versioning();
      const found = new Set<string>();
      for await (const { key } of storedUnder(keys, versioned)) found.add(key);
      return [...found];
    },

    traces: tracesBelow,

    async removeTraces(traces) {
      for (const { key, kind, id } of traces) {
        if (kind === 'upload' && id !== null) await client.abortMultipartUpload(bucket, key, id);
      }
      const stored = traces.filter(({ kind }) => kind !== 'upload');
      return removeTargets(stored.map(({ key, id }) => ({ name: key, ...(id === null ? {} : { versionId: id }) })));
    },

    versioning,

    async nowMs() {
      // A bucket that is yet to be made is no error: SeaweedFS makes it with its first object. Nor is a refusal, of whose
      // clock is 15 minutes off: its answer is dated.
      const bucketHead = { method: 'HEAD', bucketName: bucket };
      const { headers } = await client.makeRequestAsyncOmit(bucketHead, '', [200, 403, 404], region);
      const dated = Date.parse(headers.date ?? '');
      return Number.isNaN(dated) ? null : dated;
    },

    close,
  };
}

function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
