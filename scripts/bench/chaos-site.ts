import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Pool } from 'pg';
import { startCamera, type SimulatedCamera } from '../../test/support/camera/start-camera.ts';
import { addressesOf, createFramekeep, type SystemProcess } from '../../test/support/framekeep.ts';
import { createTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { freePorts } from '../embedded/free-ports.ts';
import { prepareClocks, type HostClock } from './chaos-clock.ts';
import { mountSmallDisk, type SmallDisk } from './chaos-disk.ts';
import { serverNames, startOwnServers, type OwnServers, type ServerName } from './own-servers.ts';

/** Our own processes of a site; the recorders are hosts, each with a spool of its own. */
const processRoles = {
  api: 'api',
  control: 'control',
  encoder: 'encoder',
  'recorder-a': 'recorder',
  'recorder-b': 'recorder',
} as const;
export type ProcessName = keyof typeof processRoles;
export const processNames = Object.keys(processRoles) as ProcessName[];
export const hostNames = ['recorder-a', 'recorder-b'] as const;
export type HostName = (typeof hostNames)[number];

export interface SiteCamera {
  id: string;
  simulated: SimulatedCamera;
  /** What everybody goes through to reach it. */
  proxy: TcpProxy;
  url: string;
}

/** A framekeep of real processes on servers of its own, where everything may be killed and every connection cut. */
export interface ChaosSite {
  url: string;
  dir: string;
  pool: Pool;
  s3: OwnServers['s3'];
  servers: OwnServers;
  cameras: SiteCamera[];
  /** What a process goes through to reach a server. */
  links: Record<ProcessName, Record<ServerName, TcpProxy>>;
  /** Null where they cannot be stepped, or filled, here. */
  clocks: Record<HostName, HostClock> | null;
  disks: Record<HostName, SmallDisk> | null;
  /** Undefined while it does not run. */
  process(name: ProcessName): ChildProcess | undefined;
  start(name: ProcessName): void;
  end(name: ProcessName, signal: NodeJS.Signals): Promise<void>;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

export interface SiteOptions {
  cameras: number;
  /** What is started; default all. */
  processes?: readonly ProcessName[];
  /** Small disks and clocks that can be stepped, where this machine allows it. */
  hostFaults?: boolean;
  environment?: Record<string, string>;
}

/** At a load of 30 on two cores five processes have taken more than 45 s to start. */
const startsWithinMs = 120_000;

/** Small pictures, so that many cameras fit on a small machine; a loop is longer than any outage. */
const stream = { width: 320, height: 180, fps: 15, bitrateKbps: 300, gopSeconds: 1, frames: 1800 };
/** Short windows, so that finals are swapped in all the time; pictures keep their size, for the counter is in them. */
const environment = {
  FRAMEKEEP_SEGMENT_SECONDS: '2',
  FRAMEKEEP_WINDOW_SECONDS: '20',
  FRAMEKEEP_ENCODER: 'x264',
  FRAMEKEEP_ENCODER_SLOTS: '1',
};

export async function startChaosSite(options: SiteOptions): Promise<ChaosSite> {
  const servers = await startOwnServers('framekeep-chaos-');
  const { dir } = servers;
  const pool = new Pool({ connectionString: servers.databaseUrl, max: 4 });
  pool.on('error', () => undefined); // Postgres is killed under it
  const links = await eachOf(processNames, () => linksTo(servers));
  const makeClock = options.hostFaults === true ? prepareClocks(dir) : null;
  const clocks = makeClock === null ? null : await eachOf(hostNames, makeClock);
  const disks = options.hostFaults === true ? await mountDisks(dir) : null;
  const [port = 0] = await freePorts(1);
  const framekeep = createFramekeep({
    dir,
    port,
    servers,
    environment: { ...environment, ...options.environment },
  });
  const processes = new Map<ProcessName, SystemProcess>();
  const cameras: SiteCamera[] = [];

  const site: ChaosSite = {
    url: framekeep.url,
    dir,
    pool,
    s3: servers.s3,
    servers,
    cameras,
    links,
    clocks,
    disks,
    process: (name) => processes.get(name)?.child,
    start(name) {
      const host = hostNames.find((other) => other === name);
      const disk = host === undefined ? undefined : disks?.[host];
      const started = framekeep.start(name, processRoles[name], {
        environment: {
          ...addressesThrough(links[name], servers),
          ...(host === undefined ? {} : clocks?.[host].environment),
          ...(disk === undefined ? {} : { FRAMEKEEP_SPOOL_DIR: disk.spoolDir }),
        },
      });
      processes.set(name, started);
    },
    async end(name, signal) {
      const running = processes.get(name);
      processes.delete(name);
      await running?.end(signal);
    },
    call: (method, path, body) => framekeep.call(method, path, body),
    async stop() {
      await framekeep.kill();
      await Promise.all(cameras.map(({ simulated }) => simulated.close()));
      await pool.end();
      const proxies = [
        ...Object.values(links).flatMap((link) => Object.values(link)),
        ...cameras.map((each) => each.proxy),
      ];
      await Promise.all(proxies.map((proxy) => proxy.close()));
      for (const disk of Object.values(disks ?? {})) disk.unmount();
      await servers.stop();
    },
  };

  try {
    for (const name of options.processes ?? processNames) site.start(name);
    await waitFor('the API answers', async () => (await fetch(`${site.url}/readyz`)).ok, startsWithinMs);
    for (let index = 0; index < options.cameras; index += 1) await addCamera(site, index);
    await untilAllRecordSince(site, 0);
    return site;
  } catch (error) {
    await site.stop();
    throw error;
  }
}

/** Every other one is encoded, the rest are joined. */
async function addCamera(site: ChaosSite, index: number): Promise<void> {
  const simulated = await startCamera({ streams: { '/stream': stream } });
  const proxy = await createTcpProxy(simulated.port);
  const url = simulated.url().replace(`:${simulated.port}/`, `:${proxy.port}/`);
  const profile = { name: `Profile ${index}`, mode: index % 2 === 0 ? 'copy' : 'encode', bitrateKbps: 300 };
  const { id: profileId } = await site.call<{ id: string }>('POST', '/v1/profiles', profile);
  const { id } = await site.call<{ id: string }>('POST', '/v1/cameras', { name: `Camera ${index}`, url, profileId });
  site.cameras.push({ id, simulated, proxy, url });
}

async function eachOf<Name extends string, T>(
  names: readonly Name[],
  make: (name: Name) => T | Promise<T>,
): Promise<Record<Name, T>> {
  const made = await Promise.all(names.map(async (name) => [name, await make(name)] as const));
  return Object.fromEntries(made) as Record<Name, T>;
}

function linksTo(servers: OwnServers): Promise<Record<ServerName, TcpProxy>> {
  const portOf = (address: string): number => Number(new URL(address).port);
  const targets = {
    postgres: portOf(servers.databaseUrl),
    s3: portOf(servers.s3.endpoint),
    temporal: portOf(`http://${servers.temporal.address}`),
  };
  return eachOf(serverNames, (name) => createTcpProxy(targets[name]));
}

function addressesThrough(link: Record<ServerName, TcpProxy>, servers: OwnServers): Record<string, string> {
  const databaseUrl = new URL(servers.databaseUrl);
  databaseUrl.port = String(link.postgres.port);
  return addressesOf({
    databaseUrl: databaseUrl.href,
    temporal: { ...servers.temporal, address: `127.0.0.1:${link.temporal.port}` },
    s3: { ...servers.s3, endpoint: `http://127.0.0.1:${link.s3.port}` },
  });
}

async function mountDisks(dir: string): Promise<Record<HostName, SmallDisk> | null> {
  const a = mountSmallDisk(join(dir, 'disk-a'));
  const b = a === null ? null : mountSmallDisk(join(dir, 'disk-b'));
  return a === null || b === null ? null : { 'recorder-a': a, 'recorder-b': b };
}

/** Waits until each camera has committed footage of after this moment. */
export async function untilAllRecordSince(site: ChaosSite, sinceMs: number, withinMs = 90_000): Promise<void> {
  await waitFor(
    'each camera has new footage',
    async () => {
      const path = '/v1/cameras?limit=1000';
      const { items } = await site.call<{ items: { lastSegmentEndAt: string | null }[] }>('GET', path);
      return items.every(({ lastSegmentEndAt }) => Date.parse(lastSegmentEndAt ?? '') > sinceMs);
    },
    withinMs,
  );
}
