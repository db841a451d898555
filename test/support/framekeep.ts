import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** To read them costs each start 0.2 s of CPU: only for a look at the logs of a failed test. */
export const sourceMaps = process.env['KEEP_TEST_DATA'] === undefined ? [] : ['--enable-source-maps'];

/** Servers that a framekeep needs. */
export interface Servers {
  databaseUrl: string;
  temporal: { address: string; namespace: string };
  s3: { endpoint: string; accessKey: string; secretKey: string; bucket: string };
}

/** One process of a framekeep. */
export interface SystemProcess {
  child: ChildProcess;
  logPath: string;
  /** Sends the signal and waits for the end. @returns the exit code, or the signal's name */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** The answer of the API; the body is JSON unless it is another type. */
export interface Answer<T> {
  status: number;
  body: T;
  headers: Headers;
}

/** The real processes of a framekeep, on servers that are there already. */
export interface Framekeep {
  url: string;
  apiKey: string;
  /** Starts an API process or a worker process with these roles; each recorder has its own spool. */
  start(
    name: string,
    roles: string,
    options?: { environment?: Record<string, string>; nodeArguments?: readonly string[] },
  ): SystemProcess;
  ask<T>(method: string, path: string, body?: unknown): Promise<Answer<T>>;
  /** As `ask`. @throws where the answer is a problem */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** kill -9 of all that run. */
  kill(): Promise<void>;
}

/**
 * Prepares it; nothing runs before `start`.
 * @param options.dir for logs, spools and what the processes keep
 * @param options.environment settings of every process
 */
export function createFramekeep(options: {
  dir: string;
  port: number;
  servers: Servers;
  environment: Record<string, string>;
}): Framekeep {
  const { dir, port } = options;
  const apiKey = randomBytes(16).toString('hex');
  const url = `http://127.0.0.1:${port}`;
  const shared = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    FRAMEKEEP_DATA_DIR: dir,
    FRAMEKEEP_PORT: String(port),
    ...addressesOf(options.servers),
    FRAMEKEEP_SECRET_KEY: randomBytes(32).toString('hex'),
    FRAMEKEEP_BOOTSTRAP_API_KEY: apiKey,
    FRAMEKEEP_CAMERA_NETWORKS: '127.0.0.0/8',
    ...options.environment,
  };
  const running = new Set<SystemProcess>();

  const framekeep: Framekeep = {
    url,
    apiKey,
    start(name, roles, { environment = {}, nodeArguments = [] } = {}) {
      const program = roles === 'api' ? 'dist/api.js' : 'dist/workers.js';
      const logPath = join(dir, `${name}.log`);
      const child = spawn(process.execPath, [...nodeArguments, ...sourceMaps, program], {
        cwd: root,
        env: { FRAMEKEEP_ROLES: roles, FRAMEKEEP_SPOOL_DIR: join(dir, `spool-${name}`), ...shared, ...environment },
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
          running.delete(started);
          return how;
        },
      };
      running.add(started);
      return started;
    },
    async ask<T>(method: string, path: string, body?: unknown) {
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
    async call<T>(method: string, path: string, body?: unknown) {
      const answer = await framekeep.ask<T>(method, path, body);
      if (answer.status >= 400) {
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      return answer.body;
    },
    async kill() {
      await Promise.all([...running].map((each) => each.end('SIGKILL')));
    },
  };
  return framekeep;
}

/** The settings that say where servers are. */
export function addressesOf({ databaseUrl, temporal, s3 }: Servers): Record<string, string> {
  return {
    FRAMEKEEP_DATABASE_URL: databaseUrl,
    FRAMEKEEP_TEMPORAL_ADDRESS: temporal.address,
    FRAMEKEEP_TEMPORAL_NAMESPACE: temporal.namespace,
    FRAMEKEEP_S3_ENDPOINT: s3.endpoint,
    FRAMEKEEP_S3_ACCESS_KEY: s3.accessKey,
    FRAMEKEEP_S3_SECRET_KEY: s3.secretKey,
    FRAMEKEEP_S3_BUCKET: s3.bucket,
  };
}
