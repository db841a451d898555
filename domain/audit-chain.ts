import type { Canonical } from './canonical-json.ts';

/** One thing that somebody did. Never put a secret into `before` or `after`: the log is kept for years. */
export type AuditEntry = {
  /** 1, 2, 3, ... without a hole. */
  id: number;
  /** ISO 8601, UTC. */
  at: string;
  /** `account:admin`, `api-key:bootstrap`, `service:purge`. */
  actor: string;
  /** `camera.retire`. */
  action: string;
  tenantId: string | null;
  cameraId: string | null;
  before: Canonical;
  after: Canonical;
};

/** An entry as it is stored. */
export interface ChainedEntry {
  id: number;
  /** Canonical JSON of the entry. */
  body: string;
  /** Hex. */
  hash: string;
}

/** The hash before the first entry: 32 zero bytes. */
export const chainStart = '0'.repeat(64);

/**
 * Follows the chain over a page of entries.
 * @param after the last entry that was checked
 * @param hashOf the hash of an entry: SHA-256 (hex) of the previous hash's bytes and the body
 * @returns what is wrong with the first entry that does not fit, or null
 */
export function brokenLink(
  entries: readonly ChainedEntry[],
  after: Pick<ChainedEntry, 'id' | 'hash'>,
  hashOf: (previousHash: string, body: string) => string,
): string | null {
  let previous = after;
  for (const entry of entries) {
    if (entry.id !== previous.id + 1) return `entry ${previous.id + 1} is missing: ${entry.id} follows ${previous.id}`;
    if (idIn(entry.body) !== entry.id) return `entry ${entry.id} holds the text of another one`;
    if (hashOf(previous.hash, entry.body) !== entry.hash) return `entry ${entry.id} was changed, or one before it was`;
    previous = entry;
  }
  return null;
}

function idIn(body: string): unknown {
  try {
    const entry: unknown = JSON.parse(body);
    return typeof entry === 'object' && entry !== null && 'id' in entry ? entry.id : undefined;
  } catch {
    return undefined;
  }
}
