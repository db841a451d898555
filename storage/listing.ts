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
    const status = await versioningStatus();
    // Suspended keeps the versions there are.
    return { versioned: status === 'Enabled' || status === 'Suspended', locked: await lockable() };
  }

  async function versioningStatus(): Promise<string | undefined> {
    try {
      const { Status } = (await client.getBucketVersioning(bucket)) as { Status?: string };
      return Status;
    } catch (error) {
      if (isUnknownRequest(error)) return undefined;
      throw error;
    }
  }

  async function lockable(): Promise<boolean> {
    try {
      // The declared type is `void` or a promise, by overloads that callers cannot tell apart.
      const answer: unknown = client.getObjectLockConfig(bucket);
      const config = await answer;
      return typeof config === 'object' && config !== null && 'objectLockEnabled' in config;
    } catch (error) {
      // No lock configuration is an error of its own in S3.
      if (codeOf(error) === 'ObjectLockConfigurationNotFoundError' || isUnknownRequest(error)) return false;
      throw error;
    }
  }

  async function* versionsBelow(prefix: string): AsyncGenerator<ObjectTrace> {
    for await (const { objects } of markedPages((marker) => {
      const markers = { keyMarker: marker.key, versionIdMarker: marker.id };
      const options = { Delimiter: '', MaxKeys: pageSize, IncludeVersion: true, ...markers };
      return client.listObjectsQuery(bucket, prefix, '', options).then((page) => ({
        ...page,
        next: { key: asQuery(page.keyMarker ?? ''), id: encodeURIComponent(page.versionIdMarker ?? '') },
      }));
    })) {
      for (const item of objects as unknown[]) {
        if (isVersion(item)) yield { key: item.name, kind: 'version', id: item.versionId, bytes: item.size ?? 0 };
      }
    }
  }

  async function* uploadsBelow(prefix: string): AsyncGenerator<ObjectTrace & { begunMs: number }> {
    // Of the whole bucket: MinIO lists the uploads below no prefix but the empty one. We begin none ourselves.
    for await (const { uploads } of markedPages((marker) =>
      client.listIncompleteUploadsQuery(bucket, '', marker.key, marker.id, '').then((page) => ({
        ...page,
        // The library loses the server's upload marker (it reads a field that is not there); it is the last upload's
        // id. The key is the server's word: SeaweedFS gives none, since with one it lists that key's uploads only.
        next: { key: page.nextKeyMarker, id: encodeURIComponent(page.uploads.at(-1)?.uploadId ?? '') },
      })),
    )) {
      for (const { key, uploadId, initiated } of uploads) {
        if (!key.startsWith(prefix)) continue;
        yield { key, kind: 'upload', id: uploadId, bytes: 0, begunMs: initiated?.getTime() ?? Date.now() };
      }
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

/** Whether a store does not know a request at all: it has nothing of what that asks for. Not all know versions and locks. */
function isUnknownRequest(error: unknown): boolean {
  return ['NotImplemented', 'MethodNotAllowed'].includes(codeOf(error) ?? '');
}

function isVersion(item: unknown): item is { name: string; versionId: string; size?: number } {
  return typeof item === 'object' && item !== null && 'name' in item && 'versionId' in item;
}

function toListed({ name, size, lastModified }: BucketItem & { name: string }): ListedObject {
  return { key: name, bytes: size, modifiedMs: lastModified.getTime() };
}

/** Where a listing goes on, as its query wants it. */
interface Marker {
  key: string;
  id: string;
}

/**
 * The pages of a listing that goes on behind a marker.
 * @throws when the store says that there is more, but not where: a listing that is cut short must not look whole, and
 * one that begins anew would never end
 */
async function* markedPages<Page extends { isTruncated?: boolean | undefined; next: Marker }>(
  pageAt: (marker: Marker) => Promise<Page>,
): AsyncGenerator<Page> {
  let marker: Marker = { key: '', id: '' };
  for (;;) {
    const page = await pageAt(marker);
    yield page;
    if (page.isTruncated !== true) return;
    if (page.next.key === marker.key && page.next.id === marker.id) {
      throw new Error(`the store says that its listing goes on, yet not behind ${marker.key} ${marker.id}`);
    }
    marker = page.next;
  }
}

/** A key marker for a query: MinIO encodes it (a blank is `+`), SeaweedFS does not. Our own keys hold neither. */
function asQuery(marker: string): string {
  const isEncoded = /%[0-9A-F]{2}/.test(marker);
  return encodeURIComponent(isEncoded ? decodeURIComponent(marker.replaceAll('+', '%20')) : marker);
}

async function* asTraces(objects: AsyncIterable<{ key: string; bytes: number }>): AsyncGenerator<ObjectTrace> {
  for await (const { key, bytes } of objects) yield { key, kind: 'object', id: null, bytes };
}
