import { setTimeout as sleep } from 'node:timers/promises';
import type { TcpProxy } from '../../test/support/tcp-proxy.ts';
import { hostNames, processNames, type ChaosSite, type ProcessName, type SiteCamera } from './chaos-site.ts';
import type { ServerName } from './own-servers.ts';
import { descendantsOf } from './process-usage.ts';

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

/** Each direction of each connection then carries less than a camera sends. */
const throttledBytesPerSecond = 20_000;

type Trouble = 'cut' | 'hold' | 'throttle';

async function trouble({ random }: FaultContext, proxies: readonly TcpProxy[], how: Trouble): Promise<void> {
  for (const proxy of proxies) {
    if (how === 'throttle') proxy.throttle(throttledBytesPerSecond);
    else proxy[how]();
  }
  await sleep(between(random, 3000, 8000));
  for (const proxy of proxies) proxy.restore();
}

/** Between a server and all of our processes, or one of them. */
async function troubleServer(context: FaultContext, server: ServerName, how: Trouble): Promise<void> {
  const { site, random } = context;
  const names = random() < 0.5 ? processNames : [oneOf(random, processNames)];
  await trouble(
    context,
    names.map((name) => site.links[name][server]),
    how,
  );
}

/** One of the ffmpeg processes of a recorder; a recorder without cameras has none. */
function ffmpegOf({ site, random }: FaultContext): number | undefined {
  const pids = hostNames.flatMap((name) => descendantsOf(site.process(name)?.pid ?? 0));
  return pids[Math.floor(random() * pids.length)];
}

async function pause(pid: number | undefined, forMs: number): Promise<void> {
  if (pid === undefined) return;
  process.kill(pid, 'SIGSTOP');
  await sleep(forMs);
  process.kill(pid, 'SIGCONT');
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
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    context.peer?.kill(context.site.cameras.indexOf(cameraOf(context)))();
  },
  'recorder-stop': ({ site, random }) =>
    pause(site.process(oneOf(random, hostNames))?.pid, between(random, 2000, 6000)),
  'ffmpeg-stop': (context) => pause(ffmpegOf(context), between(context.random, 1000, 4000)),
  'postgres-kill': (context) => killServer(context, 'postgres'),
  's3-kill': (context) => killServer(context, 's3'),
  'temporal-kill': (context) => killServer(context, 'temporal'),
  'postgres-cut': (context) => troubleServer(context, 'postgres', 'cut'),
  'postgres-hold': (context) => troubleServer(context, 'postgres', 'hold'),
  's3-cut': (context) => troubleServer(context, 's3', 'cut'),
  's3-hold': (context) => troubleServer(context, 's3', 'hold'),
  's3-throttle': (context) => troubleServer(context, 's3', 'throttle'),
  'temporal-cut': (context) => troubleServer(context, 'temporal', 'cut'),
  'temporal-hold': (context) => troubleServer(context, 'temporal', 'hold'),
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
  'camera-cut': (context) => trouble(context, [cameraOf(context).proxy], 'cut'),
  'camera-hold': (context) => trouble(context, [cameraOf(context).proxy], 'hold'),
  'camera-throttle': (context) => trouble(context, [cameraOf(context).proxy], 'throttle'),
  'disk-full': async ({ site, random }) => {
    const disk = site.disks?.[oneOf(random, hostNames)];
    await disk?.fill();
    await sleep(between(random, 5000, 10_000));
    disk?.free();
  },
  'clock-step': async ({ site, random }) => {
    const clock = site.clocks?.[oneOf(random, hostNames)];
    clock?.step(-between(random, 2000, 30_000));
    await sleep(between(random, 4000, 8000));
    clock?.step(0);
  },
} satisfies Record<string, (context: FaultContext) => Promise<void>>;

export type FaultKind = keyof typeof faults;
const kindsAnywhere = Object.keys(faults) as FaultKind[];

/** What can be done to a site: not every machine fills disks and steps clocks. */
export function faultKindsOf(site: ChaosSite): FaultKind[] {
  return kindsAnywhere.filter(
    (kind) => !(kind === 'disk-full' && site.disks === null) && !(kind === 'clock-step' && site.clocks === null),
  );
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
