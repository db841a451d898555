import { z } from 'zod';
import { bigint, instant } from './sql.ts';

export const findingKinds = ['row-without-object', 'object-without-row', 'wrong-bytes'] as const;
export const findingStates = [
  /** Seen, and looked at again before anything is done. */
  'suspect',
  /** A row whose object is gone: it is a `missing` gap now, and this its evidence. */
  'missing',
  /** An object that got its row back. */
  'catalogued',
  /** An object that is not wanted: it is kept for a while yet. */
  'quarantined',
  /** It was handed to the collector. */
  'deleting',
  /** An object that is not ours: a person decides. */
  'reported',
  /** Footage whose bytes are not what was catalogued, or that does not decode. */
  'damaged',
] as const;
export const verdicts = ['missing', 'catalogue', 'quarantine', 'report'] as const;

export type FindingKind = (typeof findingKinds)[number];
export type FindingState = (typeof findingStates)[number];
export type Verdict = (typeof verdicts)[number];

/** Something wrong between bucket and catalogue. Times in ms since 1970. */
export interface Finding {
  id: number;
  key: string;
  /** null: of no camera in this catalogue. */
  internalId: number | null;
  cameraId: string | null;
  kind: FindingKind;
  state: FindingState;
  verdict: Verdict;
  why: string;
  /** An evidence hold covers it. */
  held: boolean;
  startMs: number | null;
  durationMs: number | null;
  bytes: number | null;
  firstSeenMs: number;
  seenMs: number;
  /** Since when it is in its state. */
  stateMs: number;
}

/** A row of `selectFinding`. */
export const findingRow = z
  .object({
    id: bigint,
    key: z.string(),
    camera_id: z.number().nullable(),
    public_id: z.string().nullable(),
    kind: z.enum(findingKinds),
    state: z.enum(findingStates),
    verdict: z.enum(verdicts),
    why: z.string(),
    held: z.boolean(),
    start_at: instant.nullable(),
    duration_ms: z.number().nullable(),
    bytes: bigint.nullable(),
    first_seen_at: instant,
    seen_at: instant,
    state_at: instant,
  })
  .transform((row): Finding => ({
    id: row.id,
    key: row.key,
    internalId: row.camera_id,
    cameraId: row.public_id,
    kind: row.kind,
    state: row.state,
    verdict: row.verdict,
    why: row.why,
    held: row.held,
    startMs: row.start_at,
    durationMs: row.duration_ms,
    bytes: row.bytes,
    firstSeenMs: row.first_seen_at,
    seenMs: row.seen_at,
    stateMs: row.state_at,
  }));

export const selectFinding = `select f.id, f.key, f.camera_id, c.public_id, f.kind, f.state, f.verdict, f.why, f.held,
    f.start_at, f.duration_ms, f.bytes, f.first_seen_at, f.seen_at, f.state_at
  from reconcile_finding f left join camera c on c.id = f.camera_id`;
