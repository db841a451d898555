import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { testS3 } from './objects.ts';
import { testTemporal } from './temporal.ts';

/** One process of a system under test. */
export interface SystemProcess {
  child: ChildProcess;
  logPath: string;
  /** Sends the signal and waits for the end. @returns the exit code, or the signal's name */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

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
  call<T>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T; headers: Headers }>;
  stop(): Promise<void>;
}

const root = new URL('../..', import.meta.url).pathname;

/** Settings that every process of the system gets. Segments are short, so that tests are. */
export async function createTestSystem(
  options: { segmentSeconds?: number; temporal?: { address: string; namespace: string } } = {},
): Promise<TestSystem> {
  const [database, s3, temporal, port] = await Promise.all([
    createTestDatabase(),
    testS3(),
    options.temporal ?? testTemporal(),
    freePort(),
  ]);
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-system-'));
  const apiKey = randomBytes(16).toString('hex');
  const shared = {
    FRAMEKEEP_DATA_DIR: dir,
    FRAMEKEEP_PORT: String(port),
    FRAMEKEEP_DATABASE_URL: database.url,
    FRAMEKEEP_TEMPORAL_ADDRESS: temporal.address,
    FRAMEKEEP_TEMPORAL_NAMESPACE: temporal.namespace,
    FRAMEKEEP_S3_ENDPOINT: s3.endpoint,
    FRAMEKEEP_S3_ACCESS_KEY: s3.accessKey,
    FRAMEKEEP_S3_SECRET_KEY: s3.secretKey,
    FRAMEKEEP_S3_BUCKET: s3.bucket,
    FRAMEKEEP_SECRET_KEY: randomBytes(32).toString('hex'),
    FRAMEKEEP_BOOTSTRAP_API_KEY: apiKey,
    FRAMEKEEP_CAMERA_NETWORKS: '127.0.0.0/8',
    FRAMEKEEP_SEGMENT_SECONDS: String(options.segmentSeconds ?? 2),
  };
  const processes = new Set<SystemProcess>();

  function start(name: string, roles: string, environment: Record<string, string> = {}): SystemProcess {
    const entry = roles === 'api' ? 'api/main.ts' : 'workers/main.ts';
    const logPath = join(dir, `${name}.log`);
    const child = spawn(process.execPath, ['--import', 'tsx', entry], {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        ...shared,
        FRAMEKEEP_ROLES: roles,
        FRAMEKEEP_SPOOL_DIR: join(dir, `spool-${name}`),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(logPath, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
    const started: SystemProcess = {
      child,
      logPath,
      end: async (signal) => {
        child.kill(signal);
        const how = await exited;
        processes.delete(started);
        return how;
      },
    };
    processes.add(started);
    return started;
  }

  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    apiKey,
    database,
    s3,
    temporal,
    dir,
    start,
    async call<T>(method: string, path: string, body?: unknown) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, body: (isJson ? JSON.parse(text) : text) as T, headers: response.headers };
    },
    async stop() {
      await Promise.all([...processes].map((running) => running.end('SIGKILL')));
      await database.drop();
      // For a look at the logs of a failed test.
      if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(dir, { recursive: true, force: true });
      else process.stderr.write(`kept ${dir}\n`);
    },
  };
}

/** Waits until `look` gives something other than undefined or false; fails with `what` after the time. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  withinMs = 45_000,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: lastError });
    await sleep(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
