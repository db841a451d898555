import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { freePorts } from './free-ports.ts';
import type { ProcessRecord } from './process-record.ts';
import { startServerProcess, untilReady, type EmbeddedServer } from './server-process.ts';
import { toolPath } from './tool-path.ts';

export interface EmbeddedTemporal extends EmbeddedServer {
  /** host:port */
  address: string;
  /** Undefined when it runs without its web page. */
  uiUrl: string | undefined;
}

export interface EmbeddedTemporalOptions {
  /** Holds `temporal.sqlite`; without it the server keeps everything in memory. */
  dir: string | undefined;
  logPath: string;
  namespace: string;
  /** Undefined = a free port. */
  port?: number | undefined;
  /** False = no web page; undefined = a free port. */
  uiPort?: number | false | undefined;
  /** Those of an earlier start, to be found where it was. */
  ports?: number[] | undefined;
  /** More of the server's own settings: key and JSON value. */
  dynamicConfig?: Record<string, string> | undefined;
  record?: ProcessRecord | undefined;
}

/** Starts the Temporal development server on 127.0.0.1. It has one history shard: not for load tests. */
export async function startTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  if (options.dir !== undefined) mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const ports = options.ports ?? (await freePorts(4));
  const [freePort, freeUiPort, httpPort, metricsPort] = ports;
  const port = options.port ?? freePort;
  const uiPort = options.uiPort ?? freeUiPort;
  const server = await startServerProcess({
    name: 'temporal',
    command: toolPath('temporal'),
    args: [
      'server',
      'start-dev',
      '--ip=127.0.0.1',
      `--port=${port}`,
      `--http-port=${httpPort}`,
      `--metrics-port=${metricsPort}`,
      `--namespace=${options.namespace}`,
      '--log-level=warn',
      ...(uiPort === false ? ['--headless'] : ['--ui-ip=127.0.0.1', `--ui-port=${uiPort}`, '--ui-disable-news-fetch']),
      ...(options.dir === undefined ? [] : [`--db-filename=${join(options.dir, 'temporal.sqlite')}`]),
      // Critical cameras first, tenants in turn: both are off by default in some releases.
      '--dynamic-config-value=matching.useNewMatcher=true',
      '--dynamic-config-value=matching.enableFairness=true',
      // Both hold within a partition of a queue only; the default is 4 of them.
      '--dynamic-config-value=matching.numTaskqueueReadPartitions=1',
      '--dynamic-config-value=matching.numTaskqueueWritePartitions=1',
      // The polls of a host that hangs are over before its sessions time out (12 s after its last heartbeat reached the
      // server at the earliest): by default they last a minute, and are handed the very sessions that it lost.
      '--dynamic-config-value=matching.longPollExpirationInterval="10s"',
      ...Object.entries(options.dynamicConfig ?? {}).map(([key, value]) => `--dynamic-config-value=${key}=${value}`),
    ],
    logPath: options.logPath,
    // It asks who it is, and a container's user often has no name.
    env: { USER: 'framekeep', HOME: '/', ...process.env },
    stopSteps: [{ signal: 'SIGTERM', waitMs: 10_000 }],
    record: options.record,
  });
  const address = `127.0.0.1:${port}`;
  try {
    await untilReady('Temporal', server, 60_000, () => answers(address, options.namespace));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    address,
    uiUrl: uiPort === false ? undefined : `http://127.0.0.1:${uiPort}`,
    ports,
    pid: server.pid,
    exited: server.exited,
    stop: server.stop,
  };
}

/** The server answers before it has made its namespaces, so ask for ours. */
async function answers(address: string, namespace: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: 1000 });
    await connection.withDeadline(Date.now() + 1000, async () => {
      await connection?.workflowService.describeNamespace({ namespace });
    });
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}
