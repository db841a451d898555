import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { migrate } from '../../db/migrate.ts';
import { freePorts } from '../embedded/free-ports.ts';
import { endRecorded, openProcessRecord } from '../embedded/process-record.ts';
import { ensureDatabase, startPostgres } from '../embedded/postgres.ts';
import { startSeaweedfs } from '../embedded/seaweedfs.ts';
import { startTemporal } from '../embedded/temporal.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A whole framekeep on servers of its own, in a folder that goes with it. */
export interface BenchSystem {
  url: string;
  dir: string;
  databaseUrl: string;
  temporalAddress: string;
  s3: { endpoint: string; accessKey: string; secretKey: string; bucket: string; region: string };
  /** Process ids by part: postgres, s3, temporal. */
  pids: { postgres: number; s3: number; temporal: number };
  start(name: string, roles: string, nodeArguments?: string[]): ChildProcess;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** Starts it; what was started when something fails is ended again. */
export async function startBenchSystem(settings: Record<string, string>): Promise<BenchSystem> {
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-bench-'));
  chmodSync(dir, 0o711); // Postgres's user must get to its folder
  try {
    return await startIn(dir, settings);
  } catch (error) {
    await endRecorded(recordPath(dir), 'kill');
    throw error;
  }
}

const recordPath = (dir: string): string => join(dir, 'processes.json');

async function startIn(dir: string, settings: Record<string, string>): Promise<BenchSystem> {
  const record = openProcessRecord(recordPath(dir));
  const accessKey = randomBytes(10).toString('hex');
  const secretKey = randomBytes(20).toString('hex');
  const [[port], postgres, s3, temporal] = await Promise.all([
    freePorts(1),
    startPostgres({
      dir: join(dir, 'postgres'),
      logPath: join(dir, 'postgres.log'),
      password: randomBytes(12).toString('hex'),
      durable: true,
      record,
    }),
    startSeaweedfs({ dir: join(dir, 's3'), logPath: join(dir, 's3.log'), accessKey, secretKey }),
    startTemporal({
      dir: join(dir, 'temporal'),
      logPath: join(dir, 'temporal.log'),
      namespace: 'default',
      uiPort: false,
    }),
  ]);
  const databaseUrl = await ensureDatabase(postgres.serverUrl, 'framekeep');
  await migrate(databaseUrl, pino({ level: 'silent' }));
  const apiKey = randomBytes(16).toString('hex');
  const url = `http://127.0.0.1:${port}`;
  const bucket = 'framekeep';
  const children: ChildProcess[] = [];

  return {
    url,
    dir,
    databaseUrl,
    temporalAddress: temporal.address,
    s3: { endpoint: s3.endpoint, accessKey, secretKey, bucket, region: 'us-east-1' },
    pids: { postgres: postgres.pid, s3: s3.pid, temporal: temporal.pid },
    start(name, roles, nodeArguments = []) {
      const entry = roles === 'api' ? 'api/main.ts' : 'workers/main.ts';
      const child = spawn(process.execPath, [...nodeArguments, '--import', 'tsx', entry], {
        cwd: root,
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          FRAMEKEEP_ROLES: roles,
          FRAMEKEEP_DATA_DIR: dir,
          FRAMEKEEP_PORT: String(port),
          FRAMEKEEP_DATABASE_URL: databaseUrl,
          FRAMEKEEP_TEMPORAL_ADDRESS: temporal.address,
          FRAMEKEEP_S3_ENDPOINT: s3.endpoint,
          FRAMEKEEP_S3_ACCESS_KEY: accessKey,
          FRAMEKEEP_S3_SECRET_KEY: secretKey,
          FRAMEKEEP_S3_BUCKET: bucket,
          FRAMEKEEP_SECRET_KEY: randomSecret,
          FRAMEKEEP_BOOTSTRAP_API_KEY: apiKey,
          FRAMEKEEP_CAMERA_NETWORKS: '127.0.0.0/8',
          ...settings,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const log = createWriteStream(join(dir, `${name}.log`));
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      children.push(child);
      return child;
    },
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text) as T;
    },
    async stop() {
      await Promise.all(children.map(endProcess));
      await Promise.all([temporal.stop(), s3.stop(), postgres.stop()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const randomSecret = randomBytes(32).toString('hex');

/** SIGINT, so that recorders commit their last segment. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  await Promise.race([exited, sleep(30_000).then(() => child.kill('SIGKILL'))]);
}

/** What `--kind bench` cameras repeat. */
export const benchLoop = { frames: 900, fps: 30 };

/** N cameras of 1080p30, 4 Mbit/s in a process of their own. */
export async function startBenchCameras(
  count: number,
): Promise<{ process: ChildProcess; cameras: { name: string; url: string }[] }> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/support/camera/main.ts', '--kind', 'bench', '--count', String(count)],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, ...(JSON.parse(line) as { cameras: { name: string; url: string }[] }) };
  }
  throw new Error('the simulated cameras did not start');
}

/** Asks until the answer is true; fails with `what` after the time. */
export async function until(what: string, isTrue: () => Promise<boolean>, withinMs = 120_000): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await isTrue().catch(() => false))) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await sleep(200);
  }
}
