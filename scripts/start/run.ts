import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { errorText } from '../../errors.ts';
import { migrate } from '../../db/migrate.ts';
import { createLogger } from '../../log.ts';
import { createObjects } from '../../storage/objects.ts';
import { endRecorded, openProcessRecord } from '../embedded/process-record.ts';
import { keptSecret, makeDataFolder, takeDataFolder } from './data-folder.ts';
import { registerDemoCameras, startDemoCameras } from './demo.ts';
import { childEnvironment } from './environment.ts';
import { startParts, type Parts } from './parts.ts';
import { checkPorts } from './ports.ts';
import { startRoles, untilAtWork } from './roles.ts';
import { writeServices } from './services-file.ts';
import { printSummary } from './summary.ts';
import type { Terminal } from './terminal.ts';

export interface StartOptions {
  config: Config;
  environment: NodeJS.ProcessEnv;
  terminal: Terminal;
  /** Aborted when the system shall stop; the reason is the signal's name. */
  stopping: AbortSignal;
}

/** What was started, to be stopped last first. */
type Stops = (() => Promise<void> | void)[];

/**
 * Runs the whole system until it is told to stop, and ends all that it has started.
 * @throws Error with a message for a person when it cannot start; nothing is left running then either
 */
export async function runSystem(options: StartOptions): Promise<void> {
  const { config, terminal, stopping } = options;
  makeDataFolder(config.dataDir);
  const dataDir = realpathSync(config.dataDir);
  const consoleUrl = `http://${reachableHost(config.host)}:${config.port}`;
  const stops: Stops = [await takeDataFolder(dataDir, consoleUrl)];
  try {
    await start({ ...options, dataDir, consoleUrl, stops });
    await new Promise((done) => stopping.addEventListener('abort', done));
  } catch (error) {
    // A start that is cut short by Ctrl-C has not failed.
    if (!stopping.aborted) throw error;
  } finally {
    if (stopping.aborted) terminal.line();
    const unwind = async (): Promise<void> => {
      for (const stop of stops.toReversed()) await stop();
    };
    await (stops.length > 1 ? terminal.step('Stopping', unwind) : unwind());
  }
}

async function start(options: StartOptions & { dataDir: string; consoleUrl: string; stops: Stops }): Promise<void> {
  const { config, environment, terminal, stopping, dataDir, consoleUrl, stops } = options;
  const record = await takeOver(recordPath(dataDir), terminal);
  await checkPorts(config);
  stopping.throwIfAborted();

  const parts = await startParts({ config, dataDir, record, terminal });
  stops.push(parts.stop);
  stops.push(await writeServices(dataDir, parts));
  stopping.throwIfAborted();
  await terminal.step('Database and bucket', () => prepare(config, parts));
  stopping.throwIfAborted();

  const spoolDir = resolve(config.spool.dir);
  const shared = childEnvironment(environment, { config, dataDir, spoolDir, parts });
  const apiKey = config.bootstrapApiKey ?? keptSecret(join(dataDir, 'api-key'));
  const common = { environment: shared, logsDir: join(dataDir, 'logs'), record, terminal };
  const embedded = config.databaseUrl === undefined;
  const ffmpeg = shared['FRAMEKEEP_FFMPEG'] ?? config.ffmpeg;
  const demo = { ...common, count: config.demoCameras, dataDir, ffmpeg, apiUrl: consoleUrl, apiKey };
  // Only where nobody keeps a catalogue of real cameras.
  const withDemo = embedded && demo.count > 0 && config.roles.includes('api') && config.roles.includes('recorder');
  if (withDemo) {
    const cameras = await terminal.step('Simulated cameras', () => startDemoCameras(demo));
    stops.push(() => cameras.stop());
    stopping.throwIfAborted();
  }
  const roles = await startRoles(config.roles, apiKey, common);
  // On embedded parts this is the only host, so there is nobody to hand over to.
  stops.push(() => roles.stop(!embedded && stopping.reason === 'SIGTERM'));
  await untilAtWork(roles, consoleUrl, terminal, stopping);
  if (withDemo) {
    // The system is of use without them.
    await registerDemoCameras(demo).catch((error: unknown) =>
      terminal.warn(`The simulated cameras could not be added: ${errorText(error)}`),
    );
  }
  printSummary(terminal, { config, dataDir, consoleUrl, parts });
}

/** Ends at once whatever runs, for a person who does not want to wait. */
export async function killAll(config: Config): Promise<void> {
  await endRecorded(recordPath(realpathSync(config.dataDir)), 'kill');
}

/** Ends what a killed start has left, and opens the record anew. */
async function takeOver(path: string, terminal: Terminal): Promise<ReturnType<typeof openProcessRecord>> {
  const ended = await endRecorded(path);
  if (ended.length > 0) terminal.line(`  The last run was killed; ended what it had left: ${ended.join(', ')}.`);
  return openProcessRecord(path);
}

async function prepare(config: Config, parts: Parts): Promise<void> {
  await migrate(parts.databaseUrl, createLogger({ level: 'warn', name: 'migrate' }));
  const objects = createObjects({ ...parts.s3, bucket: config.s3.bucket, region: config.s3.region });
  try {
    await objects.ensureBucket();
  } finally {
    objects.close();
  }
}

function recordPath(dataDir: string): string {
  return join(dataDir, 'processes.json');
}

/** An address to ask from this machine: one that means "all of them" is none. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
