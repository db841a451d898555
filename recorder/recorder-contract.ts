import type { Config, Services } from '../config.ts';
import type { Pool } from '../db/sql.ts';
import type { backoffMs } from '../domain/retry.ts';
import type { Logger } from '../log.ts';
import type { Objects } from '../storage/objects.ts';
import type { SpoolUsage } from '../storage/spool.ts';
import type { Backlog } from './backlog.ts';
import type { CommitCounts, CommitError } from './committer.ts';
import type { Failpoint } from './failpoint.ts';
import type { OtherClocks } from './host-clock.ts';
import type { Recording } from './recording.ts';

export interface RecorderDeps {
  config: Pick<
    Config,
    | 'dataDir'
    | 'host'
    | 'port'
    | 'spool'
    | 'recorder'
    | 'quarantineDays'
    | 'segmentSeconds'
    | 'cameraMaxKbps'
    | 'windowSeconds'
    | 'finalWaitSeconds'
    | 'cameraNetworks'
    | 'ffmpeg'
    | 'ffprobe'
  >;
  services: Pick<Services, 'secretKey' | 'databaseUrl' | 'temporalAddress' | 's3'>;
  db: Pool;
  objects: Objects;
  log: Logger;
  /** The host's clock, which is compared with the catalogue's and the store's. */
  now: () => number;
  /** The catalogue says that this host is to hand its cameras over; told again with each sign of life. */
  onDraining?: () => void;
  /** For tests. */
  backoffMs?: typeof backoffMs;
  /** So long a file is tried that cannot be read. */
  unreadablePatienceMs?: number;
  /** The clocks that the host's is compared with. */
  clocks?: OtherClocks;
  failpoint?: Failpoint;
}

/** What a recorder does just now, for metrics and the console. */
export interface RecorderStats {
  recordings: number;
  slots: number;
  backlog: Backlog;
  commits: CommitCounts;
  /** Why the backlog waits; null = it is committed. */
  commitError: CommitError | null;
  spool: SpoolUsage | null;
  /** Writes that wait for the catalogue. */
  pendingWrites: number;
  /** Waits for its final. */
  held: { files: number; bytes: number; oldestStartMs: number | null };
  /** Cannot be read, and was put aside. */
  unreadable: { files: number; oldestStartMs: number | null };
  /** Put aside for a person to look at. */
  quarantine: { files: number; bytes: number };
}

/** The process's recordings, its spool, and what brings the one into the catalogue by way of the other. */
export interface Recorder {
  /** This host's identity, from its spool. */
  readonly hostId: string;
  /** Salvages the spool and resumes what the journal names; neither Temporal nor Postgres need to be there. */
  start(): Promise<void>;
  /**
   * The recording of a camera, started if this process has none.
   * @param sessionId whom the lease names, e.g. a workflow run
   * @throws AppError not-found; unavailable when there is no free slot or the process is stopping
   */
  ensure(cameraId: string, sessionId: string | null): Promise<Recording>;
  get(cameraId: string): Recording | undefined;
  list(): Recording[];
  stats(): RecorderStats;
  /** Takes no new cameras; those it has go on until another host has their first frame. */
  drain(): Promise<void>;
  /** Ends all recordings in order, commits what it can within `flushMs`, and ends. */
  stop(): Promise<void>;
}
