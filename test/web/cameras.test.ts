import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { claimHole, closeGap } from '../../db/gaps.ts';
import type { Camera } from '../../domain/camera.ts';
import { cameraUrlAad } from '../../security/seal.ts';
import { backdate, commit } from '../api/committed-footage.ts';
import { login, signIn, startConsole, type ConsoleUnderTest, type WatchedPage } from './support/console.ts';
import { eventually } from './support/eventually.ts';
import { makeCountedFootage } from './support/footage.ts';

let ui: ConsoleUnderTest;
let watched: WatchedPage;
let gate: Camera;
let hall: Camera;

const minuteMs = 60_000;

beforeAll(async () => {
  const [started, footage] = await Promise.all([startConsole(), makeCountedFootage({ seconds: 8 })]);
  ui = started;
  const { pool } = ui.api.database;
  const nowMs = Date.now();
  const bornMs = nowMs - 20 * minuteMs;
  gate = await ui.api.addCamera({ name: 'Gate 2', url: 'rtsp://192.0.2.21/stream1' });
  hall = await ui.api.addCamera({ name: 'Hall', url: 'rtsp://192.0.2.22/stream1' });
  await backdate(ui.api, gate, bornMs);
  await closeGap(pool, gate.id, bornMs);
  const [first, second] = footage.files;
  await commit(ui.api, gate, [
    { file: first, startMs: bornMs },
    { file: second, startMs: nowMs - minuteMs },
  ]);
  await claimHole(pool, gate.id, bornMs, nowMs - minuteMs, 'unreachable', {
    lastError: 'connect ETIMEDOUT',
    attempts: 7,
  });
  await setCameraState(pool, gate.id, 'recording', null, nowMs);
  await setCameraState(pool, hall.id, 'attention', 'auth', nowMs - 14 * minuteMs);
  watched = await ui.newPage();
});
afterAll(() => ui.close());

// A second try begins without the dialog that the first one left open.
beforeEach(async ({ task }) => {
  if ((task.result?.retryCount ?? 0) > 0) await watched.page.goto('/');
});

const row = (name: string) => watched.page.locator(`.camera-row[data-camera="${name}"]`);
const sealedUrlOf = async (camera: Camera) => {
  const { rows } = await ui.api.database.pool.query<{ sealed_url: string }>(
    `select sealed_url from camera where public_id = $1`,
    [camera.id],
  );
  return ui.api.deps.sealer.unseal(rows[0]?.sealed_url ?? '', cameraUrlAad(camera.id));
};

async function choose(name: string, action: string): Promise<void> {
  await row(name)
    .getByRole('button', { name: `More for ${name}` })
    .click();
  await watched.page.getByRole('button', { name: action }).locator('visible=true').click();
}

test('a wrong password is said, the right one leads to the cameras', async () => {
  const { page } = watched;
  await page.goto('/');
  await page.getByLabel('User name').fill(login.name);
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await eventually(() => page.getByRole('alert').textContent()).toContain('User name or password is wrong.');
  await signIn(page);
  await row('Gate 2').waitFor();
});

test('the list says how many are recorded, and why one is not', async () => {
  const { page } = watched;
  expect(await page.locator('.number').textContent()).toMatch(/^1\/2 recorded.*as of \d s ago$/);
  expect(await row('Gate 2').textContent()).toContain('Recording');
  expect(await row('Hall').textContent()).toContain('Needs you');
  expect(await row('Hall').textContent()).toContain('Wrong user or password since');
  expect(await page.locator('.camera-row').first().getAttribute('data-camera')).toBe('Hall');
});

test('the strip draws gaps in their owner’s colour and says why on focus', async () => {
  const { page } = watched;
  const strip = row('Gate 2').locator('.gap-bar');
  await strip.waitFor();
  const gap = strip.locator('.gap').first();
  expect(await gap.getAttribute('data-owner')).toBe('network');
  const [whole, lost] = [await strip.boundingBox(), await gap.boundingBox()];
  // 18 min 56 s of an hour.
  expect((lost?.width ?? 0) / (whole?.width ?? 1)).toBeCloseTo(18.93 / 60, 2);
  const first = `document.querySelector('[data-camera="Gate 2"] .gap')`;
  expect(await page.evaluate(`getComputedStyle(${first}).backgroundColor`)).toBe('rgb(255, 243, 163)');
  await gap.focus();
  const card = page.locator('.gap-card');
  expect(await card.textContent()).toContain('Camera does not answer');
  expect(await card.textContent()).toContain('connect ETIMEDOUT');
  expect(await gap.getAttribute('aria-label')).toContain('Owner: Network');
});

test('a bad address is refused next to its field, a good one adds the camera', async () => {
  const { page } = watched;
  await page.getByRole('button', { name: 'Add camera' }).click();
  const dialog = page.getByRole('dialog');
  const add = dialog.getByRole('button', { name: 'Add', exact: true });
  await add.click();
  expect(await dialog.locator('.note.error').allTextContents()).toEqual(['Fill this in.', 'Fill this in.']);
  await dialog.getByLabel('Name').fill('Hall');
  await dialog.getByLabel('Address').fill('http://192.0.2.30/stream');
  await add.click();
  expect(await dialog.locator('.note.error').textContent()).toBe('The address must begin with rtsp:// or rtsps://.');
  await dialog.getByLabel('Address').fill('rtsp://viewer:a%2Fb@192.0.2.30:99999/stream');
  await add.click();
  await eventually(() => dialog.locator('.note.error').textContent()).toContain('port');
  const wrongPort = dialog.locator('.field', { hasText: 'Address' });
  expect(await wrongPort.locator('input').getAttribute('aria-invalid')).toBe('true');
  await dialog.getByLabel('Address').fill('rtsp://192.0.2.30:554/stream');
  expect(await dialog.getByLabel('Camera user').inputValue()).toBe('viewer');
  await add.click();
  await eventually(() => dialog.locator('.note.error').textContent()).toBe('Another camera has this name.');
  await dialog.getByLabel('Name').fill('Yard');
  await add.click();
  await row('Yard').waitFor();
  const { rows } = await ui.api.database.pool.query<{ public_id: string }>(
    `select public_id from camera where name = 'Yard'`,
  );
  expect(await sealedUrlOf({ ...hall, id: rows[0]?.public_id ?? '' })).toBe(
    'rtsp://viewer:a%2Fb@192.0.2.30:554/stream',
  );
  expect(await row('Yard').textContent()).toContain('rtsp://192.0.2.30:554/stream');
});

test('renaming shows the new name', async () => {
  await choose('Hall', 'Rename');
  const dialog = watched.page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Great Hall');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row('Great Hall').waitFor();
});

test('address and login are changed together', async () => {
  await choose('Great Hall', 'Address and login');
  const dialog = watched.page.getByRole('dialog');
  expect(await dialog.getByLabel('Address').inputValue()).toBe('rtsp://192.0.2.22/stream1');
  await dialog.getByLabel('Camera user').fill('admin');
  await dialog.getByLabel('Camera password').fill('s3cret:@/');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(await sealedUrlOf(hall)).toBe('rtsp://admin:s3cret%3A%40%2F@192.0.2.22/stream1');
});

test('pausing, resuming and retiring', async () => {
  const { page } = watched;
  await choose('Gate 2', 'Pause recording');
  await eventually(() => page.locator('.number').textContent()).toMatch(/^0\/2/);
  await choose('Gate 2', 'Resume recording');
  await eventually(() => page.locator('.number').textContent()).toMatch(/^\d\/3/);
  await choose('Gate 2', 'Retire');
  const dialog = page.getByRole('dialog', { name: 'Retire Gate 2?' });
  await eventually(() => dialog.textContent()).toContain('90 days');
  await dialog.getByRole('button', { name: 'Retire camera' }).click();
  await eventually(() => page.locator('.retired summary').textContent()).toBe('Retired (1)');
});

test('the own password is changed from the account menu', async () => {
  const { page } = watched;
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('button', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password').fill('not mine');
  await dialog.getByLabel('New password').fill('another fine password');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await eventually(() => dialog.locator('.note.error').textContent()).toBe('This is not your current password.');
  await dialog.getByLabel('Current password').fill(login.password);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
});

test('the switch turns the console Turkish and it stays so', async () => {
  const { page } = watched;
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('button', { name: 'Türkçe' }).click();
  await page.reload();
  await page.getByRole('button', { name: 'Kamera ekle' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('tr');
});

test('data that cannot be renewed is unknown after 30 s, never fine', async () => {
  const { page } = await ui.newPage();
  await page.clock.install();
  await page.goto('/');
  await page.getByLabel('User name').fill(login.name);
  await page.getByLabel('Password', { exact: true }).fill('another fine password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.number').waitFor();
  await page.context().setOffline(true);
  await page.clock.fastForward(40_000);
  await eventually(() => page.locator('.number').textContent()).toMatch(/^\? unknown/);
  expect(await page.getByRole('alert').textContent()).toMatch(/^You are offline\. Data from \d\d:\d\d:\d\d\.$/);
  expect(await page.locator('.camera-row .state-tag').first().textContent()).toBe('Unknown');
  await page.context().close();
});

test('nothing has complained', () => {
  expect(watched.complaints).toEqual([]);
});
