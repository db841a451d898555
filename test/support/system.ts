import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createFramekeep, type Answer, type SystemProcess } from './framekeep.ts';
import { testS3 } from './objects.ts';
import { testTemporal } from './temporal.ts';

export type { SystemProcess } from './framekeep.ts';
export { waitFor } from './wait-for.ts';

/** A whole framekeep of real processes on the run's servers, with data of its own. */
export interface TestSystem {
  url: string;
  apiKey: string;
  database: TestDatabase;
  s3: Awaited<ReturnType<typeof testS3>>;
  temporal: { address: string; namespace: string };
  dir: string;
  /** Starts an API process or a worker process with these roles; each recorder has its own spool. */
  start(name: string, roles: string, environment?: Record<string, string>): SystemProcess;
  /** Calls the API; the body is JSON unless the answer is another type. */
  call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>>;
  stop(): Promise<void>;
}

/** Segments are short, so that tests are. */
export async function createTestSystem(
  options: { segmentSeconds?: number; temporal?: { address: string; namespace: string } } = {},
): Promise<TestSystem> {
  const [database, s3, temporal, [port = 0]] = await Promise.all([
    createTestDatabase(),
    testS3(),
    options.temporal ?? testTemporal(),
    freePorts(1),
  ]);
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-system-'));
  const framekeep = createFramekeep({
    dir,
    port,
    servers: { databaseUrl: database.url, temporal, s3 },
    environment: { FRAMEKEEP_SEGMENT_SECONDS: String(options.segmentSeconds ?? 2) },
  });
  return {
    url: framekeep.url,
    apiKey: framekeep.apiKey,
    database,
    s3,
    temporal,
    dir,
    start: (name, roles, environment = {}) => framekeep.start(name, roles, { environment }),
    call: (method, path, body) => framekeep.ask(method, path, body),
    async stop() {
      await framekeep.kill();
      await database.drop();
      // For a look at the logs of a failed test.
      if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(dir, { recursive: true, force: true });
      else process.stderr.write(`kept ${dir}\n`);
    },
  };
}
