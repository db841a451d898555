import { createReadStream } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { Client } from 'minio';
import { createBoundedTransport } from './bounded-transport.ts';

export interface ObjectsOptions {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  bucket: string;
  region: string;
}

/**
 * Something stored under a key: an object, in a versioned bucket one version or delete marker (`id` names it), or a
 * multipart upload that was begun and not finished (`id` is the upload's).
 */
export interface ObjectTrace {
  key: string;
  kind: 'object' | 'version' | 'upload';
  id: string | null;
  bytes: number;
}

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
  /** All objects below a prefix, in the order of their keys. */
  list(prefix: string): AsyncIterable<{ key: string; bytes: number }>;
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
  /** Closes idle connections. */
  close(): void;
}

/** A key costs some 100 bytes of XML; 1,000 is the protocol's own limit for a delete and a listing. */
const pageSize = 1000;

/** @param options.endpoint `http://host:port` or `https://host` */
export function createObjects({ endpoint, accessKey, secretKey, bucket, region }: ObjectsOptions): Objects {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  // 64 connections: the commits of 200 cameras a minute need three, the rest is for players.
  const agentOptions = { keepAlive: true, maxSockets: 64 };
  const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const client = new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    useSSL: secure,
    accessKey,
    secretKey,
    region,
    pathStyle: true,
    transport: createBoundedTransport(secure),
    transportAgent: agent,
    // A retry would send the rest of a half-read stream; our callers try again with a fresh one.
    retryOptions: { disableRetry: true },
  });
  // Over TLS the library would leave the payload unsigned.
  client.enableSHA256 = true;

  async function stat(key: string): Promise<{ bytes: number } | null> {
    try {
      return { bytes: (await client.statObject(bucket, key)).size };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async function versioning(): Promise<{ versioned: boolean; locked: boolean }> {
    const { Status } = (await client.getBucketVersioning(bucket)) as { Status?: string };
    // Suspended keeps the versions there are.
    return { versioned: Status === 'Enabled' || Status === 'Suspended', locked: await lockable() };
  }

  async function lockable(): Promise<boolean> {
    try {
      // The declared type is `void` or a promise, by overloads that callers cannot tell apart.
      const answer: unknown = client.getObjectLockConfig(bucket);
      const config = await answer;
      return typeof config === 'object' && config !== null && 'objectLockEnabled' in config;
    } catch (error) {
      // No lock configuration is an error of its own in S3.
      if (codeOf(error) === 'ObjectLockConfigurationNotFoundError') return false;
      throw error;
    }
  }

  async function* versionsBelow(prefix: string): AsyncGenerator<ObjectTrace> {
    const listing: AsyncIterable<unknown> = client.listObjects(bucket, prefix, true, { IncludeVersion: true });
    for await (const item of listing) {
      if (!isVersion(item)) continue;
      yield { key: item.name, kind: 'version', id: item.versionId, bytes: item.size ?? 0 };
    }
  }

  async function* uploadsBelow(prefix: string): AsyncGenerator<ObjectTrace> {
    for await (const item of client.listIncompleteUploads(bucket, prefix, true) as AsyncIterable<unknown>) {
      if (isUpload(item)) yield { key: item.key, kind: 'upload', id: item.uploadId, bytes: item.size ?? 0 };
    }
  }

  async function* objectsBelow(prefix: string): AsyncGenerator<{ key: string; bytes: number }> {
    let token = '';
    do {
      const page = await client.listObjectsV2Query(bucket, prefix, token, '', pageSize, '');
      for (const item of page.objects) if (item.name !== undefined) yield { key: item.name, bytes: item.size };
      token = page.isTruncated ? page.nextContinuationToken : '';
    } while (token !== '');
  }

  /** What is stored under these keys, in every version; markers of deletions too. */
  async function* storedUnder(keys: readonly string[], versioned: boolean): AsyncGenerator<ObjectTrace> {
    const wanted = new Set(keys);
    for (const folder of new Set(keys.map((key) => key.slice(0, key.lastIndexOf('/') + 1)))) {
      const stored = versioned ? versionsBelow(folder) : asTraces(objectsBelow(folder));
      for await (const trace of stored) if (wanted.has(trace.key)) yield trace;
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
      const body = typeof source === 'string' ? createReadStream(source) : source;
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

    async remaining(keys) {
      const { versioned } = await versioning();
      const found = new Set<string>();
      for await (const { key } of storedUnder(keys, versioned)) found.add(key);
      return [...found];
    },

    async *traces(prefix) {
      const { versioned } = await versioning();
      yield* versioned ? versionsBelow(prefix) : asTraces(objectsBelow(prefix));
      yield* uploadsBelow(prefix);
    },

    async removeTraces(traces) {
      for (const { key, kind, id } of traces) {
        if (kind === 'upload' && id !== null) await client.abortMultipartUpload(bucket, key, id);
      }
      const stored = traces.filter(({ kind }) => kind !== 'upload');
      return removeTargets(stored.map(({ key, id }) => ({ name: key, ...(id === null ? {} : { versionId: id }) })));
    },

    versioning,

    close: () => agent.destroy(),
  };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function isVersion(item: unknown): item is { name: string; versionId: string; size?: number } {
  return typeof item === 'object' && item !== null && 'name' in item && 'versionId' in item;
}

function isUpload(item: unknown): item is { key: string; uploadId: string; size?: number } {
  return typeof item === 'object' && item !== null && 'key' in item && 'uploadId' in item;
}

async function* asTraces(objects: AsyncIterable<{ key: string; bytes: number }>): AsyncGenerator<ObjectTrace> {
  for await (const { key, bytes } of objects) yield { key, kind: 'object', id: null, bytes };
}

/** An error whose shape we do not know is one nonetheless. */
function toFailure(error: unknown): { key: string; error: string } {
  const field = (name: string): string => {
    const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { key: field('Key'), error: `${field('Code')}: ${field('Message')}` };
}

function isMissing(error: unknown): boolean {
  return ['NotFound', 'NoSuchKey'].includes(codeOf(error) ?? '');
}

function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
