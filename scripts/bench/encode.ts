import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { insertCamera } from '../../db/cameras.ts';
import { takeEpoch } from '../../db/leases.ts';
import { insertProfile } from '../../db/profiles.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { createPool, type Pool } from '../../db/sql.ts';
import { defaultTenant } from '../../db/tenants.ts';
import { encodeTarget } from '../../domain/profile.ts';
import { encodeArguments } from '../../media/encode-arguments.ts';
import { x264Niceness } from '../../media/encode-file.ts';
import { runTool } from '../../media/ffmpeg.ts';
import { inspectSources, joinFile } from '../../media/join.ts';
import { newUuid } from '../../security/uuid.ts';
import { createObjects } from '../../storage/objects.ts';
import { ffmpeg, record, run } from '../../test/media/footage.ts';
import { commitFootage } from '../../test/support/commit-footage.ts';
import { endProcess, startBenchSystem, until, type BenchSystem } from './bench-system.ts';
import { printFigure, rounded, say } from './figure.ts';
import { descendantsOf, usageOf } from './process-usage.ts';

const bench = 'encode';
/** On the hour, some hours ago: complete, and far from the age at which footage goes. */
const t0 = Math.floor(Date.now() / 3_600_000 - 3) * 3_600_000;
const profile = {
  mode: 'encode' as const,
  height: 720,
  fps: 10,
  bitrateKbps: 1000,
  audio: 'none' as const,
};

/**
 * The whole finish job (fetch, probe, encode, verify, put, swap) with full slots, against bare ffmpeg processes with
 * the same arguments on the same files, as many at once, in the same run: before and after, since machines change.
 */
export async function benchEncode(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      jobs: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '60' },
      // As many as an encoder worker takes by itself.
      slots: { type: 'string', default: String(Math.max(1, Math.floor(availableParallelism() / 2))) },
    },
  });
  const [jobs, seconds, slots] = [Number(values.jobs), Number(values.seconds), Number(values.slots)];
  say(`${jobs} windows of ${seconds} s, 1080p30 to 720p10, ${slots} at once; load before: ${loadavg()[0]?.toFixed(1)}`);
  const system = await startBenchSystem({ FRAMEKEEP_ENCODER: 'x264', FRAMEKEEP_ENCODER_SLOTS: String(slots) });
  try {
    const footage = await makeFootage(join(system.dir, 'source'), seconds);
    const db = createPool(system.databaseUrl, { max: 4, applicationName: 'bench' });
    try {
      await addWindows(system, db, footage, { jobs, windowMs: seconds * 1000 });
      const before = await measureBare(system.dir, footage, { jobs, slots });
      const { lines, cores } = await measureJobs(system, db, jobs);
      const after = await measureBare(system.dir, footage, { jobs, slots });
      report(lines, { bareMs: (before + after) / 2, jobs, footageMs: seconds * 1000 });
      for (const [part, used] of Object.entries(cores)) {
        printFigure({
          bench,
          figure: `core_${part}_ms`,
          value: rounded((used * 1000) / jobs),
          unit: 'ms of a core a job',
        });
      }
    } finally {
      await db.end();
    }
  } finally {
    await system.stop();
  }
}

/** 1080p30 at 8 Mbit/s, as a camera sends it, in segments of 4 s. */
async function makeFootage(dir: string, seconds: number): Promise<string[]> {
  mkdirSync(dir);
  const source = join(dir, 'source.mkv');
  const rates = ['-b:v', '8M', '-minrate', '8M', '-maxrate', '8M', '-bufsize', '8M'];
  const input = ['-f', 'lavfi', '-i', `testsrc2=size=1920x1080:rate=30,noise=alls=12:allf=t`, '-t', String(seconds)];
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '60', '-sc_threshold', '0', ...rates];
  await run(ffmpeg, ['-v', 'error', '-y', ...input, ...encoder, '-pix_fmt', 'yuv420p', source]);
  return record(source, { dir });
}

/** One camera and one complete window a job. */
async function addWindows(
  system: BenchSystem,
  db: Pool,
  footage: readonly string[],
  { jobs, windowMs }: { jobs: number; windowMs: number },
): Promise<void> {
  const objects = createObjects(system.s3);
  await objects.ensureBucket();
  const [tenant, made] = await Promise.all([
    defaultTenant(db),
    insertProfile(db, { ...profile, name: 'bench', durable: 'source', hevc: false, canWait: false, waitHours: 0 }),
  ]);
  for (let i = 0; i < jobs; i += 1) {
    const id = newUuid(Date.now());
    await insertCamera(db, {
      id,
      tenantId: tenant.id,
      name: `bench ${i}`,
      sealedUrl: 'v1.sealed',
      urlRedacted: 'rtsp://192.0.2.1/',
      tier: 'normal',
      profileId: made.id,
      retentionDays: 30,
    });
    const internalId = (await cameraForRecording(db, id))?.internalId ?? 0;
    await db.query(`update camera_lease set last_end_at = $2, wanted = false where camera_id = $1`, [
      internalId,
      new Date(t0),
    ]);
    await takeEpoch(db, id, { hostId: randomUUID(), sessionId: null });
    await commitFootage({ db, objects }, { id, internalId, tenantId: tenant.id }, footage, { startMs: t0, windowMs });
  }
  objects.close();
}

/** @returns how long bare ffmpeg took for all files, in ms */
async function measureBare(
  dir: string,
  footage: readonly string[],
  { jobs, slots }: { jobs: number; slots: number },
): Promise<number> {
  const folder = join(dir, 'bare');
  mkdirSync(folder, { recursive: true });
  const sources = await inspectSources(footage);
  const joined = join(folder, 'joined.mp4');
  await joinFile(sources, joined);
  const args = (output: string): string[] =>
    encodeArguments({
      encoder: { kind: 'x264', device: null },
      decode: 'cpu',
      target: encodeTarget(profile, sources.facts),
      source: sources.facts,
      startSeconds: sources.first.startSeconds,
      input: joined,
      output,
    });
  let left = jobs;
  const startMs = performance.now();
  const work = async (slot: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const own = args(join(folder, `${slot}.mp4`));
      const result = await runTool({ binary: 'ffmpeg', args: own, timeoutMs: 600_000, niceness: x264Niceness });
      if (result.code !== 0) throw new Error(result.stderr.join('\n'));
    }
  };
  await Promise.all(Array.from({ length: slots }, (_, slot) => work(slot)));
  const ms = performance.now() - startMs;
  rmSync(folder, { recursive: true });
  return ms;
}

interface JobLine {
  time: number;
  ms: number;
  fetchedBytes: number;
  storedBytes: number;
  parts: Partial<Record<'fetch' | 'probe' | 'wait' | 'encode' | 'put' | 'swap', number>>;
}

/** Lets the workers do all jobs. @returns what they said of each, and the CPU time that went elsewhere than to ffmpeg */
async function measureJobs(
  system: BenchSystem,
  db: Pool,
  jobs: number,
): Promise<{ lines: JobLine[]; cores: Record<string, number> }> {
  const pids = { ...system.pids, control: 0, encoder: 0 };
  const cpuSeconds = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(pids).map(([part, pid]) => [
        part,
        usageOf([pid, ...(part === 'encoder' ? [] : descendantsOf(pid))]).cpuSeconds,
      ]),
    );
  const control = system.start('control', 'control');
  const controlLog = join(system.dir, 'control.log');
  // Its start, and the first look at bucket and samples, are seconds of CPU that no job costs.
  const begun = ['camera workflows repaired', 'bucket and catalogue compared', 'footage was read back'];
  await until('control has started', async () => {
    const log = readFileSync(controlLog, 'utf8');
    return begun.every((text) => log.includes(text));
  });
  const encoder = system.start('encoder', 'encoder');
  Object.assign(pids, { control: control.pid, encoder: encoder.pid });
  const beginning = cpuSeconds();
  await until(
    'all windows are finished',
    async () => {
      const { rows } = await db.query<{ count: string }>(`select count(*) from finish_window where state = 'done'`);
      return Number(rows[0]?.count) === jobs;
    },
    1_800_000,
  );
  const cores = Object.fromEntries(
    Object.entries(cpuSeconds()).map(([part, seconds]) => [part, seconds - (beginning[part] ?? 0)]),
  );
  await Promise.all([control, encoder].map(endProcess));
  const lines = readFileSync(join(system.dir, 'encoder.log'), 'utf8').split('\n');
  const done = lines.filter((line) => line.includes('finish job done')).map((line) => JSON.parse(line) as JobLine);
  return { lines: done.filter(({ storedBytes }) => storedBytes > 0), cores };
}

function report(
  lines: readonly JobLine[],
  { bareMs, jobs, footageMs }: { bareMs: number; jobs: number; footageMs: number },
): void {
  const mean = (of: (line: JobLine) => number): number => lines.reduce((sum, line) => sum + of(line), 0) / lines.length;
  const spanMs = Math.max(...lines.map(({ time }) => time)) - Math.min(...lines.map(({ time, ms }) => time - ms));
  const print = (figure: string, value: number, unit: string, peer?: number): void =>
    printFigure({ bench, figure, value: rounded(value), unit, ...(peer === undefined ? {} : { peer: rounded(peer) }) });
  const rate = (ms: number): number => (jobs * footageMs) / ms;
  print('rate_ratio', rate(spanMs) / rate(bareMs), 'times bare ffmpeg');
  print('drain_rate', rate(spanMs), 'seconds of footage a second', rate(bareMs));
  const ownMs = ({ ms, parts }: JobLine): number => ms - (parts.wait ?? 0);
  print('job_ms', mean(ownMs), 'ms, without the wait for a slot');
  print(
    'overhead_ms',
    mean((line) => ownMs(line) - (line.parts.encode ?? 0)),
    'ms a job beside the encode',
  );
  for (const part of ['fetch', 'probe', 'encode', 'put', 'swap'] as const) {
    print(
      `${part}_ms`,
      mean(({ parts }) => parts[part] ?? 0),
      'ms a job',
    );
  }
  const hours = footageMs / 3_600_000;
  // The sources are put once by the recorder; a job on the recorder's host reads them from its spool.
  const [fetched, stored] = [mean(({ fetchedBytes }) => fetchedBytes), mean(({ storedBytes }) => storedBytes)];
  print('bytes_per_hour_source', (fetched * 2 + stored) / hours, 'bytes put and fetched an hour of footage');
  print('bytes_per_hour_source_local', (fetched + stored) / hours, 'bytes put, with the sources read from the spool');
  print('bytes_per_hour_final', stored / hours, 'bytes put an hour of footage with durable "final"');
}
