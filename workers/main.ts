import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime } from '@temporalio/worker';
import { loadConfig, requireServices, type Config } from '../config.ts';
import { createPool } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import { createLogger } from '../log.ts';
import { failpointOf } from '../recorder/failpoint.ts';
import { createObjects } from '../storage/objects.ts';
import { connectWithRetry } from '../temporal/connect.ts';
import { dataConverter } from '../temporal/data-converter.ts';
import { startControl } from './control.ts';
import { startWhenPossible } from './encoder-start.ts';
import { startEncoding } from './encoding.ts';
import { startRecording } from './recording.ts';
import type { RoleContext, RunningRole, TemporalConnections } from './role.ts';
import { listenForStop } from './stop-signals.ts';
import { createTemporalLogger } from './temporal-logger.ts';

/** SIGTERM: recordings move to other hosts, at most this long. */
const drainWithinMs = 60_000;

async function run(): Promise<void> {
  const config = loadConfig();
  const services = requireServices(config);
  const failpoint = failpointOf(config.failpoint);
  const log = createLogger({ level: config.logLevel, name: 'workers' });
  if (config.failpoint !== undefined) log.warn({ failpoint: config.failpoint }, 'this process will end itself there');
  // Signals are ours: the SDK's own handler would stop workers before recordings are handed over.
  Runtime.install({ shutdownSignals: [], logger: createTemporalLogger(log) });

  const away = new AbortController();
  const signal = listenForStop({
    source: process,
    withinMs: drainWithinMs,
    end: () => process.exit(1),
    now: Date.now,
    log,
  });
  const db = createPool(services.databaseUrl, { max: 20, applicationName: 'framekeep-workers' });
  const objects = createObjects(services.s3);
  const temporal = connectWithRetry(() => connect(config, services.temporalAddress), log, away.signal);
  temporal.catch(() => undefined); // whoever needs it awaits it; a process that stops before it came needs it no more
  const context: RoleContext = { config, services, db, objects, log, now: Date.now, temporal, failpoint };

  const running: RunningRole[] = [];
  try {
    // The recorder first: its journalled recordings go on while Temporal is still away.
    if (config.roles.includes('recorder')) running.push(await startRecording(context));
    if (config.roles.includes('control')) running.push(startControl(context));
    if (config.roles.includes('encoder')) {
      running.push(startWhenPossible(context, randomUUID(), (workerId) => startEncoding(context, workerId)));
    }
    log.info({ roles: config.roles }, 'workers started');

    const reason = await signal;
    log.info({ signal: reason }, 'workers stopping');
    if (reason === 'SIGTERM') {
      const drained = Promise.all(running.map((role) => role.drain())).catch((error: unknown) => {
        // Without the catalogue nobody knows who has room: then it is as SIGINT.
        log.warn({ cause: errorText(error) }, 'not drained');
      });
      await Promise.race([drained, sleep(drainWithinMs)]);
    }
  } finally {
    away.abort();
    await Promise.all(running.map((role) => role.stop()));
    await temporal.then(
      ({ connection }) => connection.close(),
      () => undefined,
    );
    await db.end();
  }
}

async function connect(config: Config, address: string): Promise<TemporalConnections> {
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace: config.temporal.namespace, dataConverter });
  return { connection, client };
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);
