import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSite, type Site } from '../recorder/host.ts';
import { startProcess } from '../recorder/start-process.ts';
import { startCamera, type Fault, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { checkArchive, sound } from '../support/checker.ts';
import { shownFrames } from '../support/shown-frames.ts';
import { waitFor } from '../support/system.ts';

interface Member {
  camera: SimulatedCamera;
  ids: string[];
}

const crowdSize = 40;
/** On a busy machine 47 starts of ffmpeg take their time. */
const patienceMs = 120_000;
const small = { width: 160, height: 90, fps: 5, bitrateKbps: 50 };
const hourMs = 3_600_000;

/** A simulated camera each, so that what each costs the recorder can be told. */
const awkward = {
  flapping: { endAfterMs: 2500, endBy: 'rst' },
  garbage: { answer: 'garbage' },
  keyless: { neverKey: true },
  fast: { padToKbps: 100_000 },
  jumping: {},
} satisfies Record<string, Fault>;
type Name = keyof typeof awkward;
const names = Object.keys(awkward) as Name[];

let site: Site;
let recorder: ReturnType<typeof startProcess>;
let logPath: string;
/** Is never touched. */
let steady: Member;
/** A site of 40 cameras behind one switch. */
let crowd: Member;
let others: Record<Name, Member>;

async function open(paths: readonly string[], stream: object): Promise<Member> {
  const camera = await startCamera({ streams: Object.fromEntries(paths.map((each) => [each, stream])) });
  return { camera, ids: await Promise.all(paths.map((each) => site.addCamera(camera.url(each)))) };
}

beforeAll(async () => {
  site = await createSite();
  steady = await open(['/stream'], {});
  crowd = await open(
    Array.from({ length: crowdSize }, (_, place) => `/${place}`),
    small,
  );
  const opened = await Promise.all(names.map(async (name) => [name, await open(['/stream'], small)] as const));
  others = Object.fromEntries(opened) as Record<Name, Member>;
  logPath = path.join(site.dir, 'recorder.log');
  recorder = startProcess(site, 'storm', { cameraIds: members().flatMap(({ ids }) => ids), logPath });
  await waitFor('all record', async () => members().length === (await recording(members())), patienceMs);
}, 2 * patienceMs);
afterAll(async () => {
  recorder?.child.kill('SIGKILL');
  await site?.close();
  for (const { camera } of members()) await camera.close();
});

function members(): Member[] {
  return [steady, crowd, ...Object.values(others)];
}

/** How many of them have all their cameras recording. */
async function recording(of: readonly Member[]): Promise<number> {
  const counts = await Promise.all(of.map((member) => countIn(member, 'recording')));
  return counts.filter((count, place) => count === of[place]?.ids.length).length;
}

async function countIn({ ids }: Member, status: string): Promise<number> {
  const { rows } = await site.database.pool.query<{ count: string }>(
    'select count(*) from camera where public_id = any($1::uuid[]) and status = $2',
    [ids, status],
  );
  return Number(rows[0]?.count);
}

/** Most memory that the recorder's process ever had. */
function peakBytes(): number {
  const text = readFileSync(`/proc/${recorder.child.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** Most memory that each ffmpeg which records now ever had. */
function ffmpegPeaks(): number[] {
  const { pid } = recorder.child;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.flatMap((child) => {
    try {
      const text = readFileSync(`/proc/${child}/status`, 'utf8');
      const peak = /^Name:\s+ffmpeg$[^]*^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1];
      return peak === undefined ? [] : [Number(peak) * 1024];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

/** Lines of the log by camera. */
function logLines(): Map<string, number> {
  const lines = new Map<string, number>();
  for (const line of readFileSync(logPath, 'utf8').split('\n')) {
    const cameraId = /"cameraId":"([^"]+)"/.exec(line)?.[1];
    if (cameraId !== undefined) lines.set(cameraId, (lines.get(cameraId) ?? 0) + 1);
  }
  return lines;
}

async function reasonsOf({ ids }: Member): Promise<string[]> {
  return (await Promise.all(ids.map((id) => site.gaps(id)))).flat().map(({ reason }) => reason);
}

test(
  'a crowd that drops and returns, and cameras that misbehave in every way: each affects only itself',
  async () => {
    const startMs = Date.now();
    const acceptedBefore = new Map(members().map((member) => [member, member.camera.accepted()]));
    const linesBefore = logLines();
    const peakBefore = peakBytes();

    for (const name of names) {
      others[name].camera.setFault(awkward[name], '/stream');
      if (name !== 'jumping' && name !== 'fast') others[name].camera.dropAll('rst');
    }
    const jumps = [5, -9, 26, -2].map((hours) => hours * hourMs);
    crowd.camera.refuse();
    crowd.camera.dropAll('rst');
    for (const jump of jumps) {
      others.jumping.camera.jumpClock(jump);
      await sleep(1500);
    }
    await waitFor('the crowd is away', async () => (await countIn(crowd, 'recording')) === 0, patienceMs);
    await crowd.camera.listen();
    await waitFor('the crowd is back', async () => (await countIn(crowd, 'recording')) === crowdSize, patienceMs);
    others.fast.camera.setFault(null, '/stream');

    const returned = crowd.camera.accepted();
    crowd.camera.dropAll('eof');
    await waitFor('the crowd returns', async () => crowd.camera.accepted() >= returned + crowdSize, patienceMs);
    await waitFor('the crowd is back', async () => (await countIn(crowd, 'recording')) === crowdSize, patienceMs);
    for (const [name, reason] of [
      ['flapping', 'closed'],
      ['garbage', 'bad-stream'],
    ] as const) {
      await waitFor(`${name}: ${reason}`, async () => (await reasonsOf(others[name])).includes(reason), patienceMs);
    }
    const seconds = (Date.now() - startMs) / 1000;

    // Nobody else is touched: no picture of the steady camera is missing, and its only gap is that before its first one.
    const report = await checkArchive({
      pool: site.database.pool,
      s3: site.s3,
      cameras: steady.ids.map((id) => shownFrames(id, steady.camera)),
      gapsOf: async () => [],
    });
    expect(report).toMatchObject({ ...sound, missing: [] });
    expect(report.recordedMs).toBeGreaterThan(5000);
    expect(await reasonsOf(steady)).toEqual(['operator']);
    expect(steady.camera.accepted()).toBe(acceptedBefore.get(steady));
    // Picture times that jump by hours bend no time and cost no reconnect.
    expect(others.jumping.camera.accepted()).toBe(acceptedBefore.get(others.jumping));

    // Nothing of the crowd stays behind: what was closed by now is committed, and each row's object is there, whole.
    const closedMs = Date.now();
    for (const id of crowd.ids) {
      const folder = path.join(site.dir, 'storm', 'closed', id);
      const isCommitted = async (): Promise<boolean> =>
        (await readdir(folder)).every((name) => Number.parseInt(name, 10) > closedMs);
      await waitFor('the files of the crowd are committed', isCommitted, patienceMs);
      const rows = await site.segments(id);
      const stored = await Promise.all(rows.map(({ key }) => site.objects.stat(key)));
      expect(stored.map((found) => found?.bytes)).toEqual(rows.map(({ bytes }) => bytes));
    }

    // No busy loop: waits between tries grow from 1 to 2 s up to 30 s, so that 40 s see about six.
    for (const name of names) {
      const tries = others[name].camera.accepted() - (acceptedBefore.get(others[name]) ?? 0);
      expect(tries, `connections of ${name}`).toBeLessThan(12 + seconds / 6);
    }
    const returns = crowd.camera.accepted() - (acceptedBefore.get(crowd) ?? 0);
    expect(returns, 'connections of the crowd').toBeLessThan(4 * crowdSize); // two each; as many again for a busy machine
    for (const [id, lines] of logLines()) {
      expect(lines - (linesBefore.get(id) ?? 0), `lines of ${id}`).toBeLessThan(30 + seconds / 2);
    }
    // 100 Mbit/s are 12 MB a second: what is kept of it is bounded.
    expect(peakBytes() - peakBefore).toBeLessThan(300_000_000);
    // ffmpeg queues nothing: each is near 54 MB, whatever it has been through (pain 5).
    const peaks = ffmpegPeaks();
    expect(peaks.length).toBeGreaterThan(crowdSize / 2);
    expect(Math.max(...peaks)).toBeLessThan(150_000_000);
  },
  4 * patienceMs,
);
