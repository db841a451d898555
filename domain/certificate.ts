/** A deleted object as certificates count it. Times in ms since 1970. */
export interface DeletedObject {
  key: string;
  /** Hex, the whole hash. */
  sha256: string;
  startMs: number;
  durationMs: number;
  bytes: number;
}

/** What of a camera was deleted. Times ISO 8601, UTC; null where nothing was. */
export type FootageSummary = {
  segments: number;
  bytes: number;
  durationMs: number;
  firstAt: string | null;
  lastAt: string | null;
};

/** What a spool said about a purged camera. */
export type SpoolEvidence = { hostId: string; state: 'empty' | 'destroyed'; at: string; saidBy: string };

/** Copies on an encoder's disk that nobody has seen to be gone: it was killed, and none has started there since. */
export type CopyEvidence = { host: string; jobs: number; lastBegunAt: string; state: 'not seen to be gone' };

/** How it was made sure that nothing is left. */
export type StorageEvidence = {
  versioned: boolean;
  objectLock: boolean;
  lookedFor: string[];
  /** Objects below the camera's prefix that no row named (footage that became finals, remains of a crash). */
  furtherObjects: number;
  statement: string;
};

/** Where the audit log ended when the certificate was issued: it can't be shortened behind it unseen. */
export type AuditAnchor = { entries: number; hash: string };

type Issued = {
  format: 'framekeep-certificate/1';
  id: string;
  issuedAt: string;
  tenant: { id: string; name: string };
  audit: AuditAnchor;
};

type OfCamera = Issued & {
  camera: { id: string; name: string };
  footage: FootageSummary;
  digest: { algorithm: 'SHA-256'; over: string; value: string };
  storage: StorageEvidence;
};

export type PurgeCertificate = OfCamera & {
  kind: 'purge';
  purge: {
    cause: 'grace-ended' | 'requested' | 'tenant-deleted';
    requestedBy: string | null;
    retiredAt: string | null;
    graceEndedAt: string | null;
    begunAt: string;
    /** Recordings of older epochs cannot commit any more. */
    epoch: number;
    spools: SpoolEvidence[];
    /** Empty: every finish job said that its copies are gone. */
    copies: CopyEvidence[];
  };
};

export type RetentionCertificate = OfCamera & {
  kind: 'retention';
  /** `2026-11`, UTC: when the deletions took place. */
  month: string;
};

export type TenantCertificate = Issued & {
  kind: 'tenant';
  cameras: { id: string; name: string; certificateId: string; digest: string; segments: number; bytes: number }[];
};

export type Certificate = PurgeCertificate | RetentionCertificate | TenantCertificate;

/** What the digest of a certificate is over. */
export const digestOver = 'for each object, sorted by key: <key> SPACE <sha256 in hex> LF';

/** What can be promised: an object store frees its disk in its own time. */
export const goneStatement =
  'The objects, all their versions and unfinished uploads were looked for and are no longer addressable.';

/** Clocks of hosts differ by milliseconds, wrong ones by minutes: this long after its end a month is over for all. */
export const monthSettlesMs = 3_600_000;

/** From when on the rolling deletions of the month (UTC) in which this one took place may be certified. */
export function monthCertifiedMs(deletedMs: number): number {
  const deleted = new Date(deletedMs);
  return Date.UTC(deleted.getUTCFullYear(), deleted.getUTCMonth() + 1) + monthSettlesMs;
}

/** The lines that a certificate's digest is over, in order. */
export function objectLines(objects: readonly Pick<DeletedObject, 'key' | 'sha256'>[]): string {
  const lines = objects.map(({ key, sha256 }) => `${key} ${sha256}\n`);
  return lines.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)).join('');
}

/** Counts, bytes, first and last minute of deleted footage. */
export function summarise(objects: readonly DeletedObject[]): FootageSummary {
  const firstMs = objects.reduce((first, { startMs }) => Math.min(first, startMs), Infinity);
  const lastMs = objects.reduce((last, { startMs, durationMs }) => Math.max(last, startMs + durationMs), -Infinity);
  return {
    segments: objects.length,
    bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
    durationMs: objects.reduce((sum, { durationMs }) => sum + durationMs, 0),
    firstAt: objects.length === 0 ? null : new Date(firstMs).toISOString(),
    lastAt: objects.length === 0 ? null : new Date(lastMs).toISOString(),
  };
}
