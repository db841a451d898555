import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { migrate } from '../../db/migrate.ts';
import type { Servers } from '../../test/support/framekeep.ts';
import { freePorts } from '../embedded/free-ports.ts';
import { ensureDatabase, startPostgres } from '../embedded/postgres.ts';
import { endRecorded, openProcessRecord } from '../embedded/process-record.ts';
import { startSeaweedfs } from '../embedded/seaweedfs.ts';
import type { EmbeddedServer } from '../embedded/server-process.ts';
import { startTemporal } from '../embedded/temporal.ts';
import { descendantsOf, signalProcess } from './process-usage.ts';

export const serverNames = ['postgres', 's3', 'temporal'] as const;
export type ServerName = (typeof serverNames)[number];

/** Servers of a bench's or a test's own, which it may kill, in a folder that goes with them. */
export interface OwnServers extends Servers {
  dir: string;
  s3: Servers['s3'] & { region: string };
  pids(): Record<ServerName, number>;
  /** kill -9 of its whole process group. */
  kill(name: ServerName): Promise<void>;
  /** SIGSTOP of all its processes, as on a host that hangs. @returns lets them go on */
  pause(name: ServerName): () => void;
  /** Starts a killed one where it was, with its data. */
  start(name: ServerName): Promise<void>;
  /** Ends all and removes the folder, unless KEEP_TEST_DATA is set. */
  stop(): Promise<void>;
}

/** Starts Postgres (migrated, as durable as in operation), SeaweedFS and Temporal; what was started when one fails is ended. */
export async function startOwnServers(prefix: string): Promise<OwnServers> {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(dir, 0o711); // Postgres's user must get to its folder
  const recordPath = join(dir, 'processes.json');
  const record = openProcessRecord(recordPath);
  const [accessKey = '', secretKey = '', password = ''] = [10, 20, 12].map((size) => randomBytes(size).toString('hex'));
  const ports = { postgres: await freePorts(1), s3: await freePorts(8), temporal: await freePorts(4) };
  const placeOf = (name: ServerName) => ({
    dir: join(dir, name),
    logPath: join(dir, `${name}.log`),
    ports: ports[name],
    record,
  });
  const starters = {
    postgres: () => startPostgres({ ...placeOf('postgres'), password, durable: true }),
    s3: () => startSeaweedfs({ ...placeOf('s3'), accessKey, secretKey }),
    temporal: () => startTemporal({ ...placeOf('temporal'), namespace: 'default', uiPort: false }),
  };
  try {
    const [postgres, s3, temporal] = await Promise.all([starters.postgres(), starters.s3(), starters.temporal()]);
    const running: Record<ServerName, EmbeddedServer> = { postgres, s3, temporal };
    const databaseUrl = await ensureDatabase(postgres.serverUrl, 'framekeep');
    await migrate(databaseUrl, pino({ level: 'silent' }));
    return {
      dir,
      databaseUrl,
      temporal: { address: temporal.address, namespace: 'default' },
      s3: { endpoint: s3.endpoint, accessKey, secretKey, bucket: 'framekeep', region: 'us-east-1' },
      pids: () => ({ postgres: running.postgres.pid, s3: running.s3.pid, temporal: running.temporal.pid }),
      async kill(name) {
        const { pid, exited } = running[name];
        signalProcess(-pid, 'SIGKILL'); // of a run that failed half way it may be dead already
        await exited;
      },
      pause(name) {
        const { pid } = running[name];
        // The first one first, so that it starts none meanwhile. Postgres's others lead sessions of their own, so that
        // a signal to its group does not reach them.
        signalProcess(pid, 'SIGSTOP');
        const others = descendantsOf(pid);
        for (const other of others) signalProcess(other, 'SIGSTOP');
        return () => {
          for (const each of [...others, pid]) signalProcess(each, 'SIGCONT');
        };
      },
      async start(name) {
        running[name] = await starters[name]();
      },
      async stop() {
        await endRecorded(recordPath, 'kill');
        if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(dir, { recursive: true, force: true });
        else process.stderr.write(`kept ${dir}\n`);
      },
    };
  } catch (error) {
    await endRecorded(recordPath, 'kill');
    throw error;
  }
}
