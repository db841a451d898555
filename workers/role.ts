import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Config, Services } from '../config.ts';
import type { Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import type { Failpoint } from '../recorder/failpoint.ts';
import type { Objects } from '../storage/objects.ts';

/** The connections of a worker process to Temporal. */
export interface TemporalConnections {
  connection: NativeConnection;
  client: Client;
}

/** What each role of a worker process is handed. */
export interface RoleContext {
  config: Config;
  services: Services;
  db: Pool;
  objects: Objects;
  log: Logger;
  now: () => number;
  /** Settles as soon as Temporal answers; rejects when the process stops before. */
  temporal: Promise<TemporalConnections>;
  failpoint: Failpoint;
}

/** A role that runs: `drain` hands its work over to others, `stop` ends it. */
export interface RunningRole {
  drain(): Promise<void>;
  stop(): Promise<void>;
}
