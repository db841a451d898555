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

  async function* versionsOf(key: string): AsyncGenerator<{ name: string; versionId: string }> {
    const listing: AsyncIterable<unknown> = client.listObjects(bucket, key, true, { IncludeVersion: true });
    for await (const item of listing) {
      if (isVersion(item) && item.name === key) yield { name: key, versionId: item.versionId };
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
      const failures: { key: string; error: string }[] = [];
      for (let start = 0; start < keys.length; start += pageSize) {
        const page = keys.slice(start, start + pageSize);
        const targets: { name: string; versionId?: string }[] = [];
        if (!versioned) targets.push(...page.map((name) => ({ name })));
        else for (const key of page) for await (const version of versionsOf(key)) targets.push(version);
        // Declared as `{Error: {...}}`, yet each item is the error itself.
        const errors: unknown[] = targets.length === 0 ? [] : await client.removeObjects(bucket, targets);
        failures.push(...errors.map(toFailure));
      }
      return failures;
    },

    async *list(prefix) {
      let token = '';
      do {
        const page = await client.listObjectsV2Query(bucket, prefix, token, '', pageSize, '');
        for (const item of page.objects) if (item.name !== undefined) yield { key: item.name, bytes: item.size };
        token = page.isTruncated ? page.nextContinuationToken : '';
      } while (token !== '');
    },

    versioning,

    close: () => agent.destroy(),
  };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function isVersion(item: unknown): item is { name: string; versionId: string } {
  return typeof item === 'object' && item !== null && 'name' in item && 'versionId' in item;
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
