import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { claimHole, closeGap } from '../../db/gaps.ts';
import type { Camera } from '../../domain/camera.ts';
import { backdate, commit, type RecordedFile } from '../api/committed-footage.ts';
import { keysOf } from '../support/stored-footage.ts';
import { signIn, startConsole, type ConsoleUnderTest, type WatchedPage } from './support/console.ts';
import { eventually } from './support/eventually.ts';
import { makeCountedFootage, type CountedFootage } from './support/footage.ts';
import { shownFrame } from './support/frame-counter.ts';

let ui: ConsoleUnderTest;
let watched: WatchedPage;
let camera: Camera;
let footage: CountedFootage;
/** Wall time of the first frame; the gap is between the first and the second half of the footage. */
let startMs: number;
let gapStartMs: number;
let gapEndMs: number;

const gapMs = 90_000;

beforeAll(async () => {
  const [started, counted, hevc] = await Promise.all([
    startConsole(),
    makeCountedFootage({ seconds: 40 }),
    makeCountedFootage({ seconds: 4, codec: 'hevc' }),
  ]);
  ui = started;
  footage = counted;
  const { pool } = ui.api.database;
  startMs = Math.floor(Date.now() / 1000) * 1000 - 300_000;
  camera = await ui.api.addCamera({ name: 'Gate 2' });
  await backdate(ui.api, camera, startMs);
  await closeGap(pool, camera.id, startMs);
  const parts: { file: RecordedFile; startMs: number }[] = [];
  let atMs = startMs;
  for (const [index, file] of footage.files.entries()) {
    if (index === 5) {
      gapStartMs = atMs;
      atMs += gapMs;
      gapEndMs = atMs;
    }
    parts.push({ file: index === 5 ? anchored(file) : file, startMs: atMs });
    atMs += file.segment.durationMs;
  }
  await commit(ui.api, camera, parts);
  await claimHole(pool, camera.id, gapStartMs, gapEndMs, 'deploy', {});
  await setCameraState(pool, camera.id, 'recording', null, Date.now());

  const modern = await ui.api.addCamera({ name: 'H.265 camera' });
  await backdate(ui.api, modern, startMs);
  await commit(ui.api, modern, [{ file: hevc.files[0], startMs }]);

  watched = await ui.newPage();
  await signIn(watched.page);
});
afterAll(() => ui.close());

function anchored(file: RecordedFile): RecordedFile {
  return { ...file, segment: { ...file.segment, anchor: true } };
}

/** The frame that was recorded at a wall time. */
function frameAt(wallMs: number): number {
  const media = wallMs < gapStartMs ? wallMs - startMs : wallMs - startMs - gapMs;
  return Math.floor((media / 1000) * footage.fps + 1e-6);
}

const address = (atMs: number) => `/play?cams=${camera.id}&t=${new Date(atMs).toISOString()}`;
const shown = () => shownFrame(watched.page);
const counter = async () => (await shown()).counter;
const pause = async () => {
  await watched.page.getByRole('button', { name: 'Pause', exact: true }).click();
  await watched.page.getByRole('button', { name: 'Play', exact: true }).waitFor();
};

/** Waits until the picture stands, and gives its frame and the time the console says it has. */
async function settled(): Promise<{ counter: number; wallMs: number }> {
  let before = await shown();
  for (;;) {
    await watched.page.waitForTimeout(250);
    const now = await shown();
    if (now.counter !== null && now.wallMs !== null && now.counter === before.counter && now.wallMs === before.wallMs) {
      return { counter: now.counter, wallMs: now.wallMs };
    }
    before = now;
  }
}

test('a moment in the URL plays, and frames advance under the right clock', async () => {
  const { page } = watched;
  await page.goto(address(startMs + 3000));
  await eventually(counter).toBeGreaterThanOrEqual(frameAt(startMs + 3000));
  const first = await counter();
  await eventually(counter).toBeGreaterThan((first ?? 0) + footage.fps);
  await pause();
  const { counter: frame, wallMs } = await settled();
  expect(frame).toBe(frameAt(wallMs + 1));
  expect(await page.locator('.wall-clock time').textContent()).toMatch(/^\d\d:\d\d:\d\d\.\d\+03$/);
  await eventually(() => page.url()).toContain(`t=${new Date(wallMs).toISOString().slice(0, 19)}`);
});

test('a seek into a gap lands on the first frame after it and says what was skipped', async () => {
  const { page } = watched;
  await page.goto(address(gapStartMs + 30_000));
  await eventually(() => page.getByRole('status').allTextContents()).toContain('Skipped 1 min without footage.');
  await eventually(counter).toBeGreaterThanOrEqual(frameAt(gapEndMs));
  expect(await counter()).toBeLessThan(frameAt(gapEndMs) + 5 * footage.fps);
});

test('playing over a gap goes on with the next footage and says so', async () => {
  const { page } = watched;
  await page.goto(address(gapStartMs - 2000));
  await eventually(counter).toBeGreaterThan(frameAt(gapEndMs) + 5);
  expect(await page.getByRole('status').allTextContents()).toContain('Skipped 1 min 30 s without footage.');
  await pause();
  const { counter: frame, wallMs } = await settled();
  expect(wallMs).toBeGreaterThan(gapEndMs);
  expect(frame).toBe(frameAt(wallMs + 1));
});

test('keys step frames, seconds and rates, and play', async () => {
  const { page } = watched;
  await page.goto(address(startMs + 8000));
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await eventually(counter).not.toBeNull();
  await page.keyboard.press(' ');
  const { counter: frame } = await settled();
  await page.keyboard.press('.');
  await eventually(counter).toBe(frame + 1);
  await page.keyboard.press(',');
  await page.keyboard.press(',');
  await eventually(counter).toBe(frame - 1);
  await page.keyboard.press('ArrowRight');
  await eventually(counter).toBe(frame - 1 + 5 * footage.fps);
  await page.keyboard.press('ArrowLeft');
  await eventually(counter).toBe(frame - 1);
  await page.keyboard.press('l');
  expect(await page.getByLabel('Speed').inputValue()).toBe('2');
  await page.keyboard.press(' ');
  await eventually(counter).toBeGreaterThan(frame + 10);
  await page.keyboard.press('g');
  await page.getByRole('dialog', { name: 'Go to a time' }).waitFor();
  await page.keyboard.press('Escape');
});

test('a click on the timeline seeks, Back returns', async () => {
  const { page } = watched;
  const before = page.url();
  const bar = page.locator('.timeline .gap-bar');
  const box = await bar.boundingBox();
  if (box === null) throw new Error('no timeline');
  expect(await bar.locator('.gap').first().getAttribute('data-owner')).toBe('service');
  await page.mouse.click(box.x + 2, box.y + box.height / 2);
  await eventually(counter).toBeLessThan(5 * footage.fps);
  await page
    .getByRole('button', { name: /framekeep was restarted/ })
    .locator('visible=true')
    .last()
    .click();
  await eventually(counter).toBeGreaterThan(frameAt(gapStartMs - 6000));
  await page.goBack();
  await page.goBack();
  await eventually(() => page.url()).toBe(before);
});

test('the latest footage plays on as more is committed', async () => {
  const { page } = watched;
  await page.goto(`/play?cams=${camera.id}`);
  await page.getByLabel('Speed').selectOption('4');
  await eventually(counter).toBeGreaterThan(frameAt(gapEndMs));
  const { rows } = await ui.api.database.pool.query<{ last_end_at: Date }>(
    `select last_end_at from camera_lease where camera_id = (select id from camera where public_id = $1)`,
    [camera.id],
  );
  const endMs = rows[0]?.last_end_at.getTime() ?? 0;
  await commit(ui.api, camera, [{ file: footage.files[0], startMs: endMs }]);
  await eventually(async () => (await shown()).wallMs).toBeGreaterThan(endMs + 1000);
  expect(new URL(page.url()).searchParams.get('t')).toBeNull();
});

test('H.265 says that it cannot play here', async () => {
  const { page } = watched;
  await page.getByLabel('Choose a camera').selectOption({ label: 'H.265 camera' });
  await eventually(() => page.locator('.video-notice').textContent()).toContain('H.265 cannot play here.');
});

test('footage that the store has lost is passed over once what is before it was shown', async () => {
  const { page } = watched;
  const lost = await ui.api.addCamera({ name: 'Lost footage' });
  await backdate(ui.api, lost, startMs);
  const files = footage.files.slice(0, 3);
  const lengthMs = files[0]?.segment.durationMs ?? 0;
  await commit(
    ui.api,
    lost,
    files.map((file, index) => ({ file, startMs: startMs + index * lengthMs })),
  );
  const { objects } = ui.api.deps;
  const [, second] = await keysOf(objects, lost);
  expect(await objects.remove([second ?? ''])).toEqual([]);
  await page.goto(`/play?cams=${lost.id}&t=${new Date(startMs).toISOString()}`);
  await eventually(counter).toBeGreaterThan(2 * footage.fps);
  await eventually(counter).toBeGreaterThan(8 * footage.fps + 5);
  expect(await page.getByRole('status').allTextContents()).toContain('Skipped 4 s without footage.');
});

test('nothing has complained', () => {
  expect(watched.complaints).toEqual([]);
});
