import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CheckReport } from '../../test/support/checker.ts';
import type { MissingRun } from '../../test/support/missing-pictures.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { printCheck } from './chaos-figures.ts';
import { settleAndCheck } from './chaos-run.ts';
import { hostNames, startChaosSite, untilAllRecordSince, type ChaosSite, type HostName } from './chaos-site.ts';
import { printFigure, quantile, rounded, say } from './figure.ts';
import { watchMoves, type MoveWatch, type SeenMove } from './moves-watch.ts';
import type { ServerName } from './own-servers.ts';

const bench = 'moves';
/** Planned moves take seconds; a host that is cut off is given up after 20 s, and cameras are tried again for a while. */
const moveWithinMs = 180_000;
/** Pictures that are lost by a move may be a little older than the order: what was in buffers is lost too. */
const buffersMs = 1500;

/** The host that has the cameras then. Without the catalogue it cannot know that another one records them, and goes on. */
const cutOffs: readonly (readonly [HostName, readonly ServerName[]])[] = [
  ['recorder-a', ['temporal']],
  ['recorder-b', ['temporal', 'postgres']],
];

interface Stage {
  name: string;
  isPlanned: boolean;
  startMs: number;
  seen: SeenMove[];
}

/**
 * Moves all cameras of a host to another one: by a drain, back by SIGTERM, then because the host is cut off from
 * Temporal, and from Temporal and Postgres, while it goes on recording. Cameras and checker say what that cost.
 * @param args `--seconds`: how long a host stays cut off after the other one has its cameras
 */
export async function benchMoves(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { cameras: { type: 'string', default: '20' }, seconds: { type: 'string', default: '60' } },
  });
  const forMs = Number(values.seconds) * 1000;
  const site = await startChaosSite({
    cameras: Number(values.cameras),
    processes: ['api', 'control', 'recorder-a'],
  });
  try {
    const hostA = (await recorders(site))[0]?.hostId ?? '';
    await startRecorder(site, 'recorder-b');
    const stages = [await move(site, 'drain', true, () => site.call('POST', `/v1/recorders/${hostA}/drain`))];
    // A host that was drained takes no camera until it is started again.
    await site.end('recorder-a', 'SIGINT');
    await startRecorder(site, 'recorder-a');
    stages.push(await move(site, 'SIGTERM', true, () => site.end('recorder-b', 'SIGTERM')));
    await startRecorder(site, 'recorder-b');
    for (const [host, servers] of cutOffs) {
      const name = `cut off from ${servers.join(' and ')}`;
      stages.push(await move(site, name, false, (watch) => cutOff(site, watch, host, servers, forMs)));
    }
    say(`load average ${loadavg()[0]?.toFixed(1)}`);
    printMoves(site, stages, await settleAndCheck(site));
  } finally {
    await site.stop();
  }
}

/** Gives the order, and waits until each camera is recorded by another one alone and has new footage. */
async function move(
  site: ChaosSite,
  name: string,
  isPlanned: boolean,
  order: (watch: MoveWatch) => Promise<unknown>,
): Promise<Stage> {
  const watch = watchMoves(site.cameras);
  try {
    const startMs = Date.now();
    await order(watch);
    await untilEach(watch, 'movedMs');
    await untilAllRecordSince(site, Date.now() + 2000);
    say(`${name}: all cameras have moved, ${(Date.now() - startMs) / 1000} s`);
    return { name, isPlanned, startMs, seen: watch.seen() };
  } finally {
    watch.stop();
  }
}

async function untilEach(watch: MoveWatch, what: 'takenMs' | 'movedMs'): Promise<void> {
  await waitFor(`${what} of each camera`, async () => watch.seen().every((seen) => seen[what] !== null), moveWithinMs);
}

/** A host that is cut off from these servers until the other one has had its cameras for so long. */
async function cutOff(
  site: ChaosSite,
  watch: MoveWatch,
  host: HostName,
  servers: readonly ServerName[],
  forMs: number,
): Promise<void> {
  const links = servers.map((server) => site.links[host][server]);
  for (const link of links) link.cut();
  await untilEach(watch, 'takenMs');
  await sleep(forMs);
  for (const link of links) link.restore();
}

interface RecorderAnswer {
  hostId: string;
  seenAt: string;
  draining: boolean;
}

async function recorders(site: ChaosSite): Promise<RecorderAnswer[]> {
  return (await site.call<{ items: RecorderAnswer[] }>('GET', '/v1/recorders')).items;
}

/** Starts a host, and waits until both take cameras. */
async function startRecorder(site: ChaosSite, name: HostName): Promise<void> {
  const sinceMs = Date.now();
  site.start(name);
  await waitFor(`${name} is there`, async () => {
    const ready = (await recorders(site)).filter((each) => !each.draining && Date.parse(each.seenAt) > sinceMs);
    return ready.length === hostNames.length;
  });
}

function printMoves(site: ChaosSite, stages: readonly Stage[], report: CheckReport): void {
  const print = (figure: string, value: number, unit: string): void =>
    printFigure({ bench, figure, value: rounded(value), unit });
  const planned = stages.filter(({ isPlanned }) => isPlanned);
  const unplanned = stages.filter(({ isPlanned }) => !isPlanned);
  const movedMs = planned.flatMap(({ seen }) => seen.map((each) => each.movedMs ?? Number.NaN));
  const fps = site.cameras[0]?.simulated.loop().fps ?? Number.NaN;
  const lostIn = (some: readonly Stage[]): number =>
    some.flatMap((stage) => lossesOf(stage, stages, report)).reduce((sum, run) => sum + picturesOf(run, fps), 0);
  print('moves_planned', movedMs.length, 'cameras');
  print('move_p50_s', quantile(movedMs, 0.5) / 1000, 's');
  print('move_max_s', Math.max(...movedMs) / 1000, 's');
  print('frames_lost', lostIn(planned), 'pictures');
  print('frames_lost_cut_off', lostIn(unplanned), 'pictures');
  print('both_at_once_s', Math.max(...unplanned.flatMap(({ seen }) => seen.map((each) => each.bothMs))) / 1000, 's');
  printCheck(bench, report);
  for (const stage of stages) {
    for (const run of lossesOf(stage, stages, report)) {
      say(`${stage.name}: ${picturesOf(run, fps)} pictures lost: ${JSON.stringify(run)}`);
    }
  }
  say(movesTable(stages, (stage) => lostIn([stage])));
}

/** What is missing from the order on, until the next one. */
function lossesOf(stage: Stage, stages: readonly Stage[], report: CheckReport): MissingRun[] {
  const nextMs = stages[stages.indexOf(stage) + 1]?.startMs ?? Infinity;
  return report.missing.filter(({ startMs }) => startMs >= stage.startMs - buffersMs && startMs < nextMs - buffersMs);
}

function picturesOf({ startMs, endMs }: MissingRun, fps: number): number {
  return Math.round(((endMs - startMs) * fps) / 1000);
}

/** The result as a table of docs/reliability.md. */
function movesTable(stages: readonly Stage[], lostIn: (stage: Stage) => number): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return [
    '| the old host | cameras | until the new recording was alone: p50 | max | both at once: p50 | max | pictures lost |',
    '|---|---|---|---|---|---|---|',
    ...stages.map((stage) => {
      const movedMs = stage.seen.map((each) => each.movedMs ?? Number.NaN);
      const bothMs = stage.seen.map((each) => each.bothMs);
      const times = [movedMs, bothMs].flatMap((each) => [seconds(quantile(each, 0.5)), seconds(Math.max(...each))]);
      return `| ${[stage.name, String(stage.seen.length), ...times, String(lostIn(stage))].join(' | ')} |`;
    }),
  ].join('\n');
}
