import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosSite, ProcessName, ServerName } from './chaos-site.ts';
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

function recorderOf({ random }: FaultContext): ProcessName {
  return random() < 0.5 ? 'recorder-a' : 'recorder-b';
}

async function killProcess({ site, random, peer }: FaultContext, name: ProcessName): Promise<void> {
  await site.end(name, 'SIGKILL');
  const revive = name === 'recorder-a' ? peer?.kill(null) : undefined;
  await sleep(between(random, 500, 3000));
  site.start(name);
  revive?.();
}

async function killServer({ site, random }: FaultContext, name: ServerName): Promise<void> {
  await site.killServer(name);
  await sleep(between(random, 2000, 8000));
  await site.startServer(name);
}

async function cut({ site, random }: FaultContext, name: ServerName, how: 'cut' | 'hold'): Promise<void> {
  site.proxies[name][how]();
  await sleep(between(random, 3000, 8000));
  site.proxies[name].restore();
}

/** One of the ffmpeg processes of a recorder; a recorder without cameras has none. */
function ffmpegOf(context: FaultContext): number | undefined {
  const pids = (['recorder-a', 'recorder-b'] as const).flatMap((name) =>
    descendantsOf(context.site.process(name)?.pid ?? 0),
  );
  return pids[Math.floor(context.random() * pids.length)];
}

async function pause(pid: number | undefined, forMs: number): Promise<void> {
  if (pid === undefined) return;
  process.kill(pid, 'SIGSTOP');
  await sleep(forMs);
  process.kill(pid, 'SIGCONT');
}

function cameraOf({ site, random }: FaultContext): {
  place: number;
  simulated: ChaosSite['cameras'][number]['simulated'];
} {
  const place = Math.floor(random() * site.cameras.length);
  const camera = site.cameras[place];
  if (camera === undefined) throw new Error('the site has no cameras');
  return { place, simulated: camera.simulated };
}

/** Every kind of fault, by name; each resolves when what it broke stands again. */
export const faults = {
  'recorder-kill': (context) => killProcess(context, recorderOf(context)),
  'control-kill': (context) => killProcess(context, 'control'),
  'api-kill': (context) => killProcess(context, 'api'),
  'ffmpeg-kill': async (context) => {
    const pid = ffmpegOf(context);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    context.peer?.kill(cameraOf(context).place)();
  },
  'recorder-stop': (context) =>
    pause(context.site.process(recorderOf(context))?.pid, between(context.random, 2000, 6000)),
  'ffmpeg-stop': (context) => pause(ffmpegOf(context), between(context.random, 1000, 4000)),
  'postgres-kill': (context) => killServer(context, 'postgres'),
  's3-kill': (context) => killServer(context, 's3'),
  'temporal-kill': (context) => killServer(context, 'temporal'),
  'postgres-cut': (context) => cut(context, 'postgres', 'cut'),
  's3-cut': (context) => cut(context, 's3', 'cut'),
  's3-hold': (context) => cut(context, 's3', 'hold'),
  'temporal-cut': (context) => cut(context, 'temporal', 'cut'),
  's3-throttle': async ({ site, random }) => {
    site.proxies.s3.throttle(20_000);
    await sleep(between(random, 3000, 8000));
    site.proxies.s3.restore();
  },
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
} satisfies Record<string, (context: FaultContext) => Promise<void>>;

export type FaultKind = keyof typeof faults;
export const faultKinds = Object.keys(faults) as FaultKind[];

/** All kinds in an order of the seed's, again and again: chance alone would leave some out of a short run. */
export function* faultOrder(random: Random, kinds: readonly FaultKind[] = faultKinds): Generator<FaultKind, never> {
  for (;;) {
    const left = [...kinds];
    while (left.length > 0) {
      const [kind] = left.splice(Math.floor(random() * left.length), 1);
      if (kind !== undefined) yield kind;
    }
  }
}
