import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { ensureDatabase, startPostgres } from '../embedded/postgres.ts';
import type { ProcessRecord } from '../embedded/process-record.ts';
import { startSeaweedfs } from '../embedded/seaweedfs.ts';
import { startTemporal } from '../embedded/temporal.ts';
import { keptSecret } from './data-folder.ts';
import { boundLog } from './log-file.ts';
import { keepPart } from './part.ts';
import type { Terminal } from './terminal.ts';

/** The services the system runs on, embedded or given. */
export interface Parts {
  databaseUrl: string;
  temporalAddress: string;
  /** Undefined when Temporal is not ours. */
  temporalUiUrl: string | undefined;
  s3: { endpoint: string; accessKey: string; secretKey: string };
  /** Temporal first, Postgres last: each stops before what it may still write to. */
  stop: () => Promise<void>;
}

export interface PartsOptions {
  config: Config;
  /** Absolute. */
  dataDir: string;
  record: ProcessRecord;
  terminal: Terminal;
}

/**
 * Starts, side by side, the embedded parts that the settings do not give.
 * @throws when one does not start; those that did are stopped
 */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const started = await Promise.allSettled([database(options), objects(options), temporal(options)]);
  const [postgres, s3, workflows] = started;
  const stop = async (): Promise<void> => {
    for (const part of [workflows, s3, postgres]) {
      if (part.status === 'fulfilled') await part.value.stop();
    }
  };
  for (const part of started) {
    if (part.status === 'fulfilled') continue;
    await stop();
    throw part.reason;
  }
  if (postgres.status !== 'fulfilled' || s3.status !== 'fulfilled' || workflows.status !== 'fulfilled') {
    throw new Error('a part has neither started nor failed');
  }
  return { ...postgres.value, ...s3.value, ...workflows.value, stop };
}

interface Stoppable {
  stop: () => Promise<void>;
}
const notOurs = { stop: () => Promise.resolve() };

async function database({
  config,
  dataDir,
  record,
  terminal,
}: PartsOptions): Promise<{ databaseUrl: string } & Stoppable> {
  if (config.databaseUrl !== undefined) return { databaseUrl: config.databaseUrl, ...notOurs };
  return terminal.step('Postgres', async () => {
    const logPath = logOf(dataDir, 'postgres');
    const password = keptSecret(join(dataDir, 'postgres-password'));
    const { server, stop } = await keepPart('Postgres', terminal, (ports) =>
      startPostgres({ dir: join(dataDir, 'postgres'), logPath, password, durable: true, ports, record }),
    );
    return { databaseUrl: await ensureDatabase(server.serverUrl, 'framekeep'), stop };
  });
}

async function objects({ config, dataDir, record, terminal }: PartsOptions): Promise<Pick<Parts, 's3'> & Stoppable> {
  const accessKey = config.s3.accessKey ?? 'framekeep';
  const { endpoint } = config.s3;
  if (endpoint !== undefined) return { s3: { endpoint, accessKey, secretKey: config.s3.secretKey ?? '' }, ...notOurs };
  return terminal.step('Object storage', async () => {
    const logPath = logOf(dataDir, 'seaweedfs');
    const secretKey = config.s3.secretKey ?? keptSecret(join(dataDir, 's3-secret-key'));
    const { server, stop } = await keepPart('SeaweedFS', terminal, (ports) =>
      startSeaweedfs({ dir: join(dataDir, 'seaweedfs'), logPath, accessKey, secretKey, ports, record }),
    );
    return { s3: { endpoint: server.endpoint, accessKey, secretKey }, stop };
  });
}

async function temporal({
  config,
  dataDir,
  record,
  terminal,
}: PartsOptions): Promise<Pick<Parts, 'temporalAddress' | 'temporalUiUrl'> & Stoppable> {
  const { address, namespace, port, uiPort } = config.temporal;
  if (address !== undefined) return { temporalAddress: address, temporalUiUrl: undefined, ...notOurs };
  return terminal.step('Temporal', async () => {
    const logPath = logOf(dataDir, 'temporal');
    const { server, stop } = await keepPart('Temporal', terminal, (ports) =>
      startTemporal({ dir: join(dataDir, 'temporal'), logPath, namespace, port, uiPort, ports, record }),
    );
    return { temporalAddress: server.address, temporalUiUrl: server.uiUrl, stop };
  });
}

function logOf(dataDir: string, name: string): string {
  const path = join(dataDir, 'logs', `${name}.log`);
  boundLog(path);
  return path;
}
