import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'pg';
import { pino } from 'pino';
import { migrate } from '../../db/migrate.ts';
import { startCamera, type SimulatedCamera } from '../../test/support/camera/start-camera.ts';
import { createTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts';
import { freePorts } from '../embedded/free-ports.ts';
import { ensureDatabase, startPostgres } from '../embedded/postgres.ts';
import { endRecorded, openProcessRecord } from '../embedded/process-record.ts';
import { startSeaweedfs } from '../embedded/seaweedfs.ts';
import { startTemporal } from '../embedded/temporal.ts';
import { until } from './bench-system.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const serverNames = ['postgres', 's3', 'temporal'] as const;
export type ServerName = (typeof serverNames)[number];

/** Our own processes of a site; the recorders are hosts, each with a spool of its own. */
const processRoles = { api: 'api', control: 'control', 'recorder-a': 'recorder', 'recorder-b': 'recorder' } as const;
export type ProcessName = keyof typeof processRoles;

/** A framekeep of real processes on servers of its own, where everything may be killed and every connection cut. */
export interface ChaosSite {
  url: string;
  dir: string;
  pool: Pool;
  s3: { endpoint: string; accessKey: string; secretKey: string; bucket: string; region: string };
  cameras: { id: string; simulated: SimulatedCamera }[];
  /** What all of our own processes go through to reach a server. */
  proxies: Record<ServerName, TcpProxy>;
  /** Null while it does not run. */
  process(name: ProcessName): ChildProcess | null;
  start(name: ProcessName): void;
  end(name: ProcessName, signal: NodeJS.Signals): Promise<void>;
  /** kill -9 of the server's whole process group. */
  killServer(name: ServerName): Promise<void>;
  startServer(name: ServerName): Promise<void>;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** Small pictures, so that many cameras fit on a small machine; a loop is longer than any outage. */
const stream = { width: 320, height: 180, fps: 15, bitrateKbps: 300, gopSeconds: 1, frames: 1800 };

export async function startChaosSite(options: { cameras: number }): Promise<ChaosSite> {
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-chaos-'));
  chmodSync(dir, 0o711); // Postgres's user must get to its folder
  const recordPath = join(dir, 'processes.json');
  const record = openProcessRecord(recordPath);
  const [accessKey, secretKey, password] = [10, 20, 12].map((size) => randomBytes(size).toString('hex'));
  const keys = { accessKey: accessKey ?? '', secretKey: secretKey ?? '' };
  const ports = { postgres: await freePorts(1), s3: await freePorts(8), temporal: await freePorts(4) };
  const starters = {
    postgres: () =>
      startPostgres({
        dir: join(dir, 'postgres'),
        logPath: join(dir, 'postgres.log'),
        password: password ?? '',
        durable: true,
        ports: ports.postgres,
        record,
      }),
    s3: () => startSeaweedfs({ dir: join(dir, 's3'), logPath: join(dir, 's3.log'), ...keys, ports: ports.s3, record }),
    temporal: () =>
      startTemporal({
        dir: join(dir, 'temporal'),
        logPath: join(dir, 'temporal.log'),
        namespace: 'default',
        uiPort: false,
        ports: ports.temporal,
        record,
      }),
  };
  const started = await Promise.all([starters.postgres(), starters.s3(), starters.temporal()]).catch(
    async (error: unknown) => {
      await endRecorded(recordPath, 'kill');
      throw error;
    },
  );
  const [postgres, s3, temporal] = started;
  const servers: Record<ServerName, { pid: number; exited: Promise<unknown> }> = { postgres, s3, temporal };
  const databaseUrl = await ensureDatabase(postgres.serverUrl, 'framekeep');
  await migrate(databaseUrl, pino({ level: 'silent' }));
  const pool = new Pool({ connectionString: databaseUrl, max: 4 });
  pool.on('error', () => undefined); // Postgres is killed under it
  const portOf = (address: string): number => Number(new URL(address).port);
  const proxies = {
    postgres: await createTcpProxy(portOf(databaseUrl)),
    s3: await createTcpProxy(portOf(s3.endpoint)),
    temporal: await createTcpProxy(portOf(`http://${temporal.address}`)),
  };
  const proxied = new URL(databaseUrl);
  proxied.port = String(proxies.postgres.port);
  const [apiPort] = await freePorts(1);
  const url = `http://127.0.0.1:${apiPort}`;
  const apiKey = randomBytes(16).toString('hex');
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    FRAMEKEEP_DATA_DIR: dir,
    FRAMEKEEP_PORT: String(apiPort),
    FRAMEKEEP_DATABASE_URL: proxied.href,
    FRAMEKEEP_TEMPORAL_ADDRESS: `127.0.0.1:${proxies.temporal.port}`,
    FRAMEKEEP_S3_ENDPOINT: `http://127.0.0.1:${proxies.s3.port}`,
    FRAMEKEEP_S3_ACCESS_KEY: keys.accessKey,
    FRAMEKEEP_S3_SECRET_KEY: keys.secretKey,
    FRAMEKEEP_SECRET_KEY: randomBytes(32).toString('hex'),
    FRAMEKEEP_BOOTSTRAP_API_KEY: apiKey,
    FRAMEKEEP_CAMERA_NETWORKS: '127.0.0.0/8',
    FRAMEKEEP_SEGMENT_SECONDS: '2',
  };
  const processes = new Map<ProcessName, ChildProcess>();
  const cameras: ChaosSite['cameras'] = [];

  const site: ChaosSite = {
    url,
    dir,
    pool,
    s3: { endpoint: s3.endpoint, ...keys, bucket: 'framekeep', region: 'us-east-1' },
    cameras,
    proxies,
    process: (name) => processes.get(name) ?? null,
    start(name) {
      const entry = name === 'api' ? 'api/main.ts' : 'workers/main.ts';
      const child = spawn(process.execPath, ['--import', 'tsx', entry], {
        cwd: root,
        env: { ...environment, FRAMEKEEP_ROLES: processRoles[name], FRAMEKEEP_SPOOL_DIR: join(dir, `spool-${name}`) },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const log = createWriteStream(join(dir, `${name}.log`), { flags: 'a' });
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      processes.set(name, child);
    },
    async end(name, signal) {
      const child = processes.get(name);
      processes.delete(name);
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
    async killServer(name) {
      const { pid, exited } = servers[name];
      process.kill(-pid, 'SIGKILL');
      await exited;
    },
    async startServer(name) {
      servers[name] = await starters[name]();
    },
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text) as T;
    },
    async stop() {
      await Promise.all([...processes.keys()].map((name) => site.end(name, 'SIGKILL')));
      await Promise.all(cameras.map(({ simulated }) => simulated.close()));
      await pool.end();
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      await endRecorded(recordPath, 'kill');
      if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(dir, { recursive: true, force: true });
      else process.stderr.write(`kept ${dir}\n`);
    },
  };

  try {
    for (const name of Object.keys(processRoles) as ProcessName[]) site.start(name);
    await until('the API answers', async () => (await fetch(`${url}/readyz`)).ok);
    const { items } = await site.call<{ items: { id: string; name: string }[] }>('GET', '/v1/profiles');
    const profileId = items.find((profile) => profile.name === 'original')?.id;
    for (let index = 0; index < options.cameras; index += 1) {
      const simulated = await startCamera({ streams: { '/stream': stream } });
      const body = { name: `Camera ${index}`, url: simulated.url(), profileId };
      const { id } = await site.call<{ id: string }>('POST', '/v1/cameras', body);
      cameras.push({ id, simulated });
    }
    await untilAllRecordSince(site, 0);
    return site;
  } catch (error) {
    await site.stop();
    throw error;
  }
}

/** Waits until each camera has committed footage of after this moment. */
export async function untilAllRecordSince(site: ChaosSite, sinceMs: number, withinMs = 90_000): Promise<void> {
  await until(
    'each camera has new footage',
    async () => {
      const path = '/v1/cameras?limit=1000';
      const { items } = await site.call<{ items: { lastSegmentEndAt: string | null }[] }>('GET', path);
      return items.every(({ lastSegmentEndAt }) => Date.parse(lastSegmentEndAt ?? '') > sinceMs);
    },
    withinMs,
  );
}
