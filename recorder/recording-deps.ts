import type { backoffMs } from '../domain/retry.ts';
import type { SanityLimits } from '../domain/segment.ts';
import type { Logger } from '../log.ts';
import type { Spool } from '../storage/spool.ts';
import type { BackgroundWrites } from './background-writes.ts';
import type { Failure } from './failure.ts';
import type { Dialer } from './dialer/dialer.ts';
import type { Failpoint } from './failpoint.ts';
import type { GapClaims } from './gap-claims.ts';
import type { ClosedFile, PutAside } from './run-files.ts';

/** What one recording is handed. Writes to the catalogue are in the background and never fail it. */
export interface RecordingDeps {
  /** To the stream that is recorded, or to the one that is named. */
  openDialer: (stream?: 'main' | 'substream') => Promise<Dialer>;
  ffmpeg: string;
  ffprobe: string;
  segmentSeconds: number;
  /** A camera that sends more than this for long is not recorded. */
  cameraMaxKbps: number;
  spool: Spool;
  quarantine: PutAside;
  limits: SanityLimits;
  claims: GapClaims;
  log: Logger;
  now: () => number;
  random: () => number;
  backoffMs: typeof backoffMs;
  failpoint: Failpoint;
  /** Why this host does not record the camera just now (no room); null = it does. */
  refusal: () => Failure | null;
  writes: BackgroundWrites;
  /** Whether an older recording still gives the camera's footage, as far as the catalogue does not say otherwise. */
  isRecordedByOlder: () => Promise<boolean>;
  /** Writes the changed assignment. */
  journal: () => void;
  onClosed: (file: ClosedFile) => void;
  /** A run whose files could not all be closed. */
  onLeft: (run: string) => void;
}
