import { setTimeout as sleep } from 'node:timers/promises';
import type { TcpProxy } from '../../test/support/tcp-proxy.ts';
import {
  hostNames,
  processNames,
  type ChaosSite,
  type HostName,
  type ProcessName,
  type SiteCamera,
} from './chaos-site.ts';
import type { ServerName } from './own-servers.ts';
import { descendantsOf, localPortsOf, signalProcess } from './process-usage.ts';

/** A number from 0 up to 1, and the same ones again for the same seed. */
export type Random = () => number;

/** Mulberry32: 32 bits of state are enough to choose faults, and Math.random takes no seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a fault also does to the peer: a plain ffmpeg loop knows cameras and processes, nothing else. */
export interface PeerFaults {
  /** kill -9 of one camera's ffmpeg; null = of all that runs on the host, until the returned function is called. */
  kill(camera: number | null): () => void;
}

export interface FaultContext {
  site: ChaosSite;
  peer: PeerFaults | null;
  random: Random;
}

function between(random: Random, fromMs: number, toMs: number): number {
  return Math.round(fromMs + random() * (toMs - fromMs));
}

function oneOf<T>(random: Random, things: readonly T[]): T {
  const thing = things[Math.floor(random() * things.length)];
  if (thing === undefined) throw new Error('there is none to choose from');
  return thing;
}

async function killProcess({ site, random, peer }: FaultContext, name: ProcessName): Promise<void> {
  await site.end(name, 'SIGKILL');
  const revive = name === 'recorder-a' ? peer?.kill(null) : undefined;
  await sleep(between(random, 500, 3000));
  site.start(name);
  revive?.();
}

async function killServer({ site, random }: FaultContext, name: ServerName): Promise<void> {
  await site.servers.kill(name);
  await sleep(between(random, 2000, 8000));
  await site.servers.start(name);
}

/**
 * What each direction of each connection then carries a second: enough for one statement or one call, and less than a
 * site of ten cameras sends, which is up to 6 kB on a connection to Postgres, 170 kB to S3 and 0.8 kB to Temporal.
 */
const throttledBytesPerSecond = { camera: 20_000, s3: 20_000, postgres: 2000, temporal: 400 };

/** A host counts as lost after 20 s; by then the other one has its cameras, also on a loaded machine. */
const longMs = [45_000, 60_000] as const;

type Trouble = 'cut' | 'hold' | 'throttle';

async function trouble(
  { random }: FaultContext,
  proxies: readonly TcpProxy[],
  of: ServerName | 'camera',
  how: Trouble,
): Promise<void> {
  for (const proxy of proxies) {
    if (how === 'throttle') proxy.throttle(throttledBytesPerSecond[of]);
    else proxy[how]();
  }
  await sleep(between(random, 3000, 8000));
  for (const proxy of proxies) proxy.restore();
}

/** Between a server and all of our processes, or one of them. */
async function troubleServer(context: FaultContext, server: ServerName, how: Trouble): Promise<void> {
  const { site, random } = context;
  const names = random() < 0.5 ? processNames : [oneOf(random, processNames)];
  const proxies = names.map((name) => site.links[name][server]);
  await trouble(context, proxies, server, how);
}

async function troubleCamera(context: FaultContext, how: Trouble): Promise<void> {
  await trouble(context, [cameraOf(context).proxy], 'camera', how);
}

/** One of the ffmpeg processes of a recorder; a recorder without cameras has none. */
function ffmpegOf({ site, random }: FaultContext): number | undefined {
  const pids = hostNames.flatMap((name) => descendantsOf(site.process(name)?.pid ?? 0));
  return pids[Math.floor(random() * pids.length)];
}

async function pause(pid: number | undefined, forMs: number): Promise<void> {
  if (pid === undefined) return;
  signalProcess(pid, 'SIGSTOP');
  await sleep(forMs);
  signalProcess(pid, 'SIGCONT');
}

async function pauseProcess({ site, random }: FaultContext, name: ProcessName): Promise<void> {
  await pause(site.process(name)?.pid, between(random, 2000, 6000));
}

/**
 * A host gets no packet from any server or camera, and sends none, until another one has long taken its cameras. Who of
 * those that reach a camera is this host, the ports of its process say: it reaches cameras itself, not by ffmpeg.
 */
async function cutOffHost({ site, random }: FaultContext, name: HostName): Promise<void> {
  const servers = Object.values(site.links[name]);
  const cameras = site.cameras.map(({ proxy }) => proxy);
  for (const proxy of servers) proxy.hold();
  const isHost = (port: number): boolean => localPortsOf(site.process(name)?.pid ?? 0).has(port);
  for (const proxy of cameras) proxy.holdClients(isHost);
  await sleep(between(random, ...longMs));
  for (const proxy of [...cameras, ...servers]) proxy.restore();
}

async function pauseServer({ site, random }: FaultContext, name: ServerName): Promise<void> {
  const goOn = site.servers.pause(name);
  await sleep(between(random, 2000, 6000));
  goOn();
}

/** A host's clock is 2 to 30 s behind (-1) or ahead (1) for a while, then right again. */
async function stepClock({ site, random }: FaultContext, direction: 1 | -1): Promise<void> {
  const clock = site.clocks?.[oneOf(random, hostNames)];
  clock?.step(direction * between(random, 2000, 30_000));
  // Recordings follow a clock that is ahead once five of their segments of 2 s have seen it: less would do nothing.
  await sleep(between(random, 4000, 8000) + (direction > 0 ? 10_000 : 0));
  clock?.step(0);
}

const cameraOf = ({ site, random }: FaultContext): SiteCamera => oneOf(random, site.cameras);

/** Every kind of fault, by name; each resolves when what it broke stands again. */
export const faults = {
  'recorder-kill': (context) => killProcess(context, oneOf(context.random, hostNames)),
  'control-kill': (context) => killProcess(context, 'control'),
  'encoder-kill': (context) => killProcess(context, 'encoder'),
  'api-kill': (context) => killProcess(context, 'api'),
  'ffmpeg-kill': async (context) => {
    const pid = ffmpegOf(context);
    if (pid !== undefined) signalProcess(pid, 'SIGKILL');
    context.peer?.kill(context.site.cameras.indexOf(cameraOf(context)))();
  },
  'recorder-stop': (context) => pauseProcess(context, oneOf(context.random, hostNames)),
  'control-stop': (context) => pauseProcess(context, 'control'),
  'encoder-stop': (context) => pauseProcess(context, 'encoder'),
  'api-stop': (context) => pauseProcess(context, 'api'),
  'ffmpeg-stop': (context) => pause(ffmpegOf(context), between(context.random, 1000, 4000)),
  'postgres-kill': (context) => killServer(context, 'postgres'),
  's3-kill': (context) => killServer(context, 's3'),
  'temporal-kill': (context) => killServer(context, 'temporal'),
  'postgres-stop': (context) => pauseServer(context, 'postgres'),
  's3-stop': (context) => pauseServer(context, 's3'),
  'temporal-stop': (context) => pauseServer(context, 'temporal'),
  'postgres-cut': (context) => troubleServer(context, 'postgres', 'cut'),
  'postgres-hold': (context) => troubleServer(context, 'postgres', 'hold'),
  'postgres-throttle': (context) => troubleServer(context, 'postgres', 'throttle'),
  's3-cut': (context) => troubleServer(context, 's3', 'cut'),
  's3-hold': (context) => troubleServer(context, 's3', 'hold'),
  's3-throttle': (context) => troubleServer(context, 's3', 'throttle'),
  'temporal-cut': (context) => troubleServer(context, 'temporal', 'cut'),
  'temporal-hold': (context) => troubleServer(context, 'temporal', 'hold'),
  'temporal-throttle': (context) => troubleServer(context, 'temporal', 'throttle'),
  'camera-drop': async (context) => {
    cameraOf(context).simulated.dropAll(context.random() < 0.5 ? 'rst' : 'eof');
  },
  'camera-off': async (context) => {
    const { simulated } = cameraOf(context);
    simulated.refuse();
    simulated.dropAll('rst');
    await sleep(between(context.random, 1000, 5000));
    await simulated.listen();
  },
  'camera-cut': (context) => troubleCamera(context, 'cut'),
  'camera-hold': (context) => troubleCamera(context, 'hold'),
  'camera-throttle': (context) => troubleCamera(context, 'throttle'),
  'disk-full': async ({ site, random }) => {
    const disk = site.disks?.[oneOf(random, hostNames)];
    await disk?.fill();
    await sleep(between(random, 5000, 10_000));
    disk?.free();
  },
  'clock-step': (context) => stepClock(context, -1),
  'clock-ahead': (context) => stepClock(context, 1),
  'recorder-freeze': ({ site, random }) =>
    pause(site.process(oneOf(random, hostNames))?.pid, between(random, ...longMs)),
  'host-cut': (context) => cutOffHost(context, oneOf(context.random, hostNames)),
} satisfies Record<string, (context: FaultContext) => Promise<void>>;

export type FaultKind = keyof typeof faults;
const kindsAnywhere = Object.keys(faults) as FaultKind[];

/** Of about a minute each: no short run has them. */
const longKinds: readonly FaultKind[] = ['recorder-freeze', 'host-cut'];

/** Kinds that last some seconds. */
export function shortKinds(kinds: readonly FaultKind[]): FaultKind[] {
  return kinds.filter((kind) => !longKinds.includes(kind));
}

/** What can be done to a site: not every machine fills disks and steps clocks. */
export function faultKindsOf(site: ChaosSite): FaultKind[] {
  return kindsAnywhere.filter(
    (kind) => !(kind === 'disk-full' && site.disks === null) && !(kind.startsWith('clock-') && site.clocks === null),
  );
}

/**
 * Kinds by their names, with commas between; all where none is named.
 * @param possible what can be done here
 * @throws Error where one of them cannot be done here, or there is none of that name
 */
export function kindsNamed(names: string, possible: readonly FaultKind[]): readonly FaultKind[] {
  if (names === '') return possible;
  return names.split(',').map((name) => {
    const kind = possible.find((each) => each === name);
    if (kind === undefined) throw new Error(`no fault is called ${name} here, only ${possible.join(', ')}`);
    return kind;
  });
}

/** All kinds in an order of the seed's, again and again: chance alone would leave some out of a short run. */
export function* faultOrder(random: Random, kinds: readonly FaultKind[]): Generator<FaultKind, never> {
  for (;;) {
    const left = [...kinds];
    while (left.length > 0) {
      const [kind] = left.splice(Math.floor(random() * left.length), 1);
      if (kind !== undefined) yield kind;
    }
  }
}
