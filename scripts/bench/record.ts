import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { recordArguments } from '../../media/ffmpeg-arguments.ts';
import { cameraWorkflowId } from '../../workflows/messages.ts';
import { endProcess, startBenchCameras, startBenchSystem, until, type BenchSystem } from './bench-system.ts';
import { commitLatencies, footageLost } from './commit-figures.ts';
import { filesOfProfile, partsOfProfile } from './cpu-parts.ts';
import { printFigure, rounded, say } from './figure.ts';
import { descendantsOf, usageOf, type Usage } from './process-usage.ts';

const bench = 'record';
/** Sessions last 6 to 12 hours, so a healthy camera has 24 / 9 of them a day. */
const sessionsPerDay = 24 / 9;
const sessionSeconds = 40;
/** Connecting, probing and the first segment are no steady state. */
const warmUpMs = 25_000;
/** Nor is V8's compiling, a tenth of the recorder's time in its first minute: it runs for months. */
const compileMs = 60_000;
const profileMs = 20_000;

/**
 * Recording of N cameras (1080p30, 4 Mbit/s) by the whole system, against bare ffmpeg processes with the same flags on
 * the same cameras, one after the other in the same run.
 */
export async function benchRecord(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { cameras: { type: 'string', default: '20' }, seconds: { type: 'string', default: '180' } },
  });
  const count = Number(values.cameras);
  const measureMs = Number(values.seconds) * 1000;
  say(`${count} cameras, ${values.seconds} s each for bare ffmpeg and for framekeep`);
  const system = await startBenchSystem({
    FRAMEKEEP_SEGMENT_SECONDS: '10',
    FRAMEKEEP_SESSION_SECONDS: String(sessionSeconds),
    FRAMEKEEP_LOG_LEVEL: 'debug', // says how long each commit took,
  });
  let cameras: Awaited<ReturnType<typeof startBenchCameras>> | undefined;
  try {
    cameras = await startBenchCameras(count);
    const urls = cameras.cameras.map((camera) => camera.url);
    const bare = await measureBare(urls, join(system.dir, 'bare'), measureMs);
    await measureSystem({ system, cameras: cameras.cameras, measureMs, bare });
  } finally {
    if (cameras !== undefined) await endProcess(cameras.process);
    await system.stop();
  }
}

async function measureBare(urls: string[], dir: string, measureMs: number): Promise<Usage> {
  const processes = urls.map((url, index) => {
    const folder = join(dir, String(index));
    mkdirSync(folder, { recursive: true });
    const args = recordArguments({
      url,
      dir: folder,
      segmentSeconds: 10,
      codec: 'h264',
      audio: 'none',
      audioCodec: null,
      timeoutMs: 5000,
    });
    // Pipes that are read, as the recorder's are: with /dev/null for the progress ffmpeg 5.1 ended after 30 s.
    const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    for (const output of child.stdio) if (output instanceof Readable) output.resume();
    return child;
  });
  await sleep(warmUpMs);
  const used = await usageOver(
    processes.map((process) => process.pid ?? 0),
    measureMs,
  );
  await Promise.all(processes.map(endProcess));
  return used;
}

async function measureSystem(options: {
  system: BenchSystem;
  cameras: { name: string; url: string }[];
  measureMs: number;
  bare: Usage;
}): Promise<void> {
  const { system, cameras, measureMs, bare } = options;
  const seconds = measureMs / 1000;
  system.start('api', 'api');
  const control = system.start('control', 'control');
  const recorder = system.start('recorder', 'recorder');
  await until('the API answers', async () => (await fetch(`${system.url}/readyz`)).ok);
  const profileId = await copyProfile(system);
  const ids: string[] = [];
  for (const { name, url } of cameras) {
    ids.push((await system.call<{ id: string }>('POST', '/v1/cameras', { name, url, profileId })).id);
  }
  await until('every camera has footage', async () => {
    const { items } = await system.call<{ items: { lastSegmentEndAt: string | null }[] }>(
      'GET',
      '/v1/cameras?limit=1000',
    );
    return items.length === cameras.length && items.every((camera) => camera.lastSegmentEndAt !== null);
  });
  await sleep(compileMs);

  const events = await countEvents(system, ids[0] ?? '');
  const ffmpegs = descendantsOf(recorder.pid ?? 0);
  const startMs = Date.now();
  const [node, ffmpeg, controlNode, temporal, s3, postgres] = await Promise.all([
    usageOver([recorder.pid ?? 0], measureMs),
    usageOver(ffmpegs, measureMs),
    usageOver([control.pid ?? 0], measureMs),
    usageOver([system.pids.temporal], measureMs),
    usageOver([system.pids.s3], measureMs),
    usageOver([system.pids.postgres, ...descendantsOf(system.pids.postgres)], measureMs),
  ]);
  const endMs = Date.now();
  const count = cameras.length;
  const cores = (usage: Usage): number => usage.cpuSeconds / seconds / count;
  const megabytes = (usage: Usage): number => usage.pssBytes / 1e6 / count;
  const report = (figure: string, value: number, unit: string, peer?: number): void =>
    printFigure({ bench, figure, value: rounded(value), unit, ...(peer === undefined ? {} : { peer: rounded(peer) }) });

  report('cores_ratio', (cores(node) + cores(ffmpeg)) / cores(bare), 'times bare ffmpeg');
  report('cores_per_camera', cores(node) + cores(ffmpeg), 'cores', cores(bare));
  report('ffmpeg_cores_per_camera', cores(ffmpeg), 'cores', cores(bare));
  report('node_cores_per_camera', cores(node), 'cores');
  report('megabytes_per_camera', megabytes(node) + megabytes(ffmpeg), 'MB', megabytes(bare));
  report('control_cores_per_camera', cores(controlNode), 'cores');
  report('temporal_cores_per_camera', cores(temporal), 'cores');
  report('s3_cores_per_camera', cores(s3), 'cores');
  report('postgres_cores_per_camera', cores(postgres), 'cores');

  const later = await countEvents(system, ids[0] ?? '');
  const eventsPerSession = (later.events - events.events) / Math.max(1, later.sessions - events.sessions);
  report('history_events_per_session', eventsPerSession, 'events');
  report('history_events_per_camera_day', eventsPerSession * sessionsPerDay, 'events');

  await endProcess(recorder);
  const footage = [...commitLatencies(system, startMs, endMs), ...(await footageLost(system, ids))];
  for (const { name, value, unit } of footage) report(name, value, unit);
  for (const [part, share] of await profileParts(system)) {
    report(`node_${part}_cores_per_camera`, share * cores(node), 'cores');
  }
}

/** Shares of the recorder's time, of a run of its own: profiling would raise the figures it explains. */
async function profileParts(system: BenchSystem): Promise<Map<string, number>> {
  const dir = join(system.dir, 'profile');
  const recorder = system.start('recorder-profiled', 'recorder', ['--cpu-prof', `--cpu-prof-dir=${dir}`]);
  await sleep(warmUpMs + profileMs);
  await endProcess(recorder); // writes its profile
  const profile = readProfile(dir);
  const files = filesOfProfile(profile, profileMs).slice(0, 16);
  say(
    `The recorder's time by file: ${files.map(([file, share]) => `${file} ${Math.round(share * 100)} %`).join(', ')}`,
  );
  return partsOfProfile(profile, profileMs);
}

/** Footage as the camera sends it: this is about recording, not encoding. */
async function copyProfile(system: BenchSystem): Promise<string> {
  const { items } = await system.call<{ items: { id: string; name: string }[] }>('GET', '/v1/profiles');
  const original = items.find((profile) => profile.name === 'original');
  if (original === undefined) throw new Error('there is no profile "original"');
  return original.id;
}

async function usageOver(pids: readonly number[], measureMs: number): Promise<Usage> {
  const before = usageOf(pids);
  await sleep(measureMs);
  const after = usageOf(pids);
  return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, pssBytes: after.pssBytes };
}

async function countEvents(system: BenchSystem, cameraId: string): Promise<{ events: number; sessions: number }> {
  const connection = await Connection.connect({ address: system.temporalAddress });
  try {
    const handle = new Client({ connection }).workflow.getHandle(cameraWorkflowId(cameraId));
    const { events = [] } = await handle.fetchHistory();
    const sessions = (events ?? []).filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'recordSession',
    );
    return { events: events?.length ?? 0, sessions: sessions.length };
  } finally {
    await connection.close();
  }
}

function readProfile(dir: string): unknown {
  const name = readdirSync(dir).find((file) => file.endsWith('.cpuprofile'));
  if (name === undefined) throw new Error('the recorder wrote no CPU profile');
  return JSON.parse(readFileSync(join(dir, name), 'utf8'));
}
