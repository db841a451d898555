import type { BucketItem, Client } from 'minio';
import { codeOf } from './s3-client.ts';

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

/** An object as a listing shows it. */
export interface ListedObject {
  key: string;
  bytes: number;
  /** By the store's clock. */
  modifiedMs: number;
}

/** What is in a bucket, and how it keeps it. */
export interface Listing {
  /** Whether deleting by key leaves old versions, and whether objects can be locked against deletion. */
  versioning: () => Promise<{ versioned: boolean; locked: boolean }>;
  /** All objects below a prefix, in the order of their keys. @param after only keys behind this one */
  objectsBelow: (prefix: string, after?: string) => AsyncGenerator<ListedObject>;
  /** What stands right below a prefix that ends in `/` (or is empty): folders, which end in `/` too, and objects. */
  folder: (prefix: string) => AsyncGenerator<{ folder: string } | ListedObject>;
  /** Multipart uploads that were begun and not finished. */
  uploadsBelow: (prefix: string) => AsyncGenerator<ObjectTrace & { begunMs: number }>;
  /** All that is stored below a prefix: objects, or versions and delete markers, and unfinished uploads. */
  tracesBelow: (prefix: string) => AsyncGenerator<ObjectTrace>;
  /** What is stored under these keys, in every version; markers of deletions too. */
  storedUnder: (keys: readonly string[], versioned: boolean) => AsyncGenerator<ObjectTrace>;
}

/** The protocol's own limit for a page of a listing and for a bulk delete; a key costs some 100 bytes of XML. */
export const pageSize = 1000;

export function createListing(client: Client, bucket: string): Listing {
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

  async function* uploadsBelow(prefix: string): AsyncGenerator<ObjectTrace & { begunMs: number }> {
    // Of the whole bucket: MinIO lists the uploads below no prefix but the empty one. We begin none ourselves.
    for await (const item of client.listIncompleteUploads(bucket, '', true) as AsyncIterable<unknown>) {
      if (!isUpload(item) || !item.key.startsWith(prefix)) continue;
      const begunMs = item.initiated?.getTime() ?? Date.now();
      yield { key: item.key, kind: 'upload', id: item.uploadId, bytes: item.size ?? 0, begunMs };
    }
  }

  async function* pagesBelow(prefix: string, delimiter: '' | '/', after: string): AsyncGenerator<BucketItem> {
    let token = '';
    do {
      const page = await client.listObjectsV2Query(bucket, prefix, token, delimiter, pageSize, after);
      yield* page.objects;
      token = page.isTruncated ? page.nextContinuationToken : '';
    } while (token !== '');
  }

  async function* objectsBelow(prefix: string, after = ''): AsyncGenerator<ListedObject> {
    for await (const item of pagesBelow(prefix, '', after)) if (item.name !== undefined) yield toListed(item);
  }

  async function* storedUnder(keys: readonly string[], versioned: boolean): AsyncGenerator<ObjectTrace> {
    const wanted = new Set(keys);
    for (const folder of new Set(keys.map((key) => key.slice(0, key.lastIndexOf('/') + 1)))) {
      const stored = versioned ? versionsBelow(folder) : asTraces(objectsBelow(folder));
      for await (const trace of stored) if (wanted.has(trace.key)) yield trace;
    }
  }

  return {
    versioning,
    objectsBelow,
    async *folder(prefix) {
      for await (const item of pagesBelow(prefix, '/', '')) {
        yield item.name === undefined ? { folder: item.prefix } : toListed(item);
      }
    },
    uploadsBelow,
    async *tracesBelow(prefix) {
      const { versioned } = await versioning();
      yield* versioned ? versionsBelow(prefix) : asTraces(objectsBelow(prefix));
      yield* uploadsBelow(prefix);
    },
    storedUnder,
  };
}

function isVersion(item: unknown): item is { name: string; versionId: string; size?: number } {
  return typeof item === 'object' && item !== null && 'name' in item && 'versionId' in item;
}

function toListed({ name, size, lastModified }: BucketItem & { name: string }): ListedObject {
  return { key: name, bytes: size, modifiedMs: lastModified.getTime() };
}

function isUpload(item: unknown): item is { key: string; uploadId: string; size?: number; initiated?: Date } {
  return typeof item === 'object' && item !== null && 'key' in item && 'uploadId' in item;
}

async function* asTraces(objects: AsyncIterable<{ key: string; bytes: number }>): AsyncGenerator<ObjectTrace> {
  for await (const { key, bytes } of objects) yield { key, kind: 'object', id: null, bytes };
}
