import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { addEncoderStep } from '../../db/encoder-steps.ts';
import { closeGap, openGap } from '../../db/gaps.ts';
import { listHolds } from '../../db/holds.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { termsOf } from '../../db/retention.ts';
import { stopSweeps } from '../../db/sweep-state.ts';
import { transaction } from '../../db/sql.ts';
import type { Camera } from '../../domain/camera.ts';
import { idleFigures } from '../db/fixtures.ts';
import { backdate, commit } from '../api/committed-footage.ts';
import { signIn, startConsole, type ConsoleUnderTest, type WatchedPage } from './support/console.ts';
import { eventually } from './support/eventually.ts';
import { makeCountedFootage } from './support/footage.ts';

let ui: ConsoleUnderTest;
let watched: WatchedPage;
let gate: Camera;
let hall: Camera;

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

beforeAll(async () => {
  const [started, footage] = await Promise.all([startConsole(), makeCountedFootage({ seconds: 8 })]);
  ui = started;
  const { pool } = ui.api.database;
  const bornMs = Date.now() - 5 * dayMs;
  gate = await ui.api.addCamera({ name: 'Gate 2' });
  hall = await ui.api.addCamera({ name: 'Hall' });
  await backdate(ui.api, gate, bornMs);
  await closeGap(pool, gate.id, bornMs);
  await commit(ui.api, gate, [{ file: footage.files[0], startMs: bornMs }]);
  await setCameraState(pool, gate.id, 'recording', null, Date.now());
  const evidence = { lastError: 'hall.example has an address outside the networks cameras may be in.', attempts: 3 };
  await openGap(pool, hall.id, { startMs: Date.now() - 14 * minuteMs, reason: 'unreachable', evidence });
  await setCameraState(pool, hall.id, 'attention', 'unreachable', Date.now());
  watched = await ui.newPage();
  await signIn(watched.page);
});
afterAll(() => ui.close());

const button = (name: string) => watched.page.getByRole('button', { name, exact: true });
const status = () => watched.page.getByRole('status').allTextContents();
const dialog = () => watched.page.getByRole('dialog');

test('a camera says what went wrong last', async () => {
  const row = watched.page.locator('.camera-row[data-camera="Hall"]');
  await eventually(() => row.textContent()).toContain('outside the networks cameras may be in');
  await row.getByRole('link', { name: 'Hall', exact: true }).click();
  await eventually(() => watched.page.locator('.story').textContent()).toContain('Footage stopped');
  expect(await watched.page.locator('.camera-now').textContent()).toContain('outside the networks');
});

test('a shorter retention shows what it deletes first, and can be undone', async () => {
  const { page } = watched;
  await page.goto(`/cameras/${gate.id}/retention`);
  await button('Change retention').click();
  await dialog().getByLabel('Days').fill('367');
  await button('Save').click();
  await eventually(() => dialog().locator('.note.error').textContent()).toBe('Give 1 to 366 days.');
  await dialog().getByLabel('Days').fill('3');
  await eventually(() => dialog().locator('.notice').textContent()).toContain('Deletes 4 s of footage');
  await button('Shorten').click();
  await dialog().waitFor({ state: 'detached' });
  await eventually(() => page.locator('.card .notice').textContent()).toContain('Will be kept for 3 days only.');
  expect((await termsOf(ui.api.database.pool, gate.id))?.next?.days).toBe(3);
  await button('Undo').click();
  await page.locator('.card .notice').waitFor({ state: 'detached' });
  expect(await termsOf(ui.api.database.pool, gate.id)).toMatchObject({ days: 30, next: null });
});

test('footage is held for a reason, listed, and released', async () => {
  const { page } = watched;
  const holds = () => listHolds(ui.api.database.pool, { cameraId: gate.id, limit: 10 });
  await page.goto(`/cameras/${gate.id}/holds`);
  await button('Hold footage').click();
  await dialog().getByLabel('To, date').fill('2020-01-01');
  await dialog().getByRole('button', { name: 'Hold footage' }).click();
  await eventually(() => dialog().locator('.note.error').allTextContents()).toEqual([
    'The end must lie after the beginning.',
    'Fill this in.',
  ]);
  const at = new Date();
  const day = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Istanbul' }).format(at.getTime() + dayMs);
  await dialog().getByLabel('To, date').fill(day);
  await dialog().getByLabel('Reason').fill('File 2026/114');
  await dialog().getByRole('button', { name: 'Hold footage' }).click();
  await dialog().waitFor({ state: 'detached' });
  await page.goto('/retention/holds');
  await eventually(() => page.locator('.table tbody').textContent()).toContain('File 2026/114');
  expect(await holds()).toMatchObject([{ reason: 'File 2026/114', releasedAtMs: null, placedBy: 'account:admin' }]);
  await button('Release').click();
  await dialog().getByRole('button', { name: 'Release' }).click();
  await eventually(() => page.locator('.table tbody').textContent()).toContain('Released by admin');
  expect((await holds())[0]?.releasedBy).toBe('account:admin');
});

test('a camera is retired with the days of its tenant, taken back, and deleted only by its name', async () => {
  const { page } = watched;
  await ui.api.call('PATCH', `/v1/tenants/${hall.tenantId}`, { graceDays: 10 });
  await page.goto(`/cameras/${hall.id}/settings`);
  await button('Retire').click();
  await eventually(() => dialog().textContent()).toContain('10 days of grace');
  await button('Retire camera').click();
  await button('Take back').click();
  await eventually(status).toContain('Hall records again.');
  await button('Retire').click();
  await button('Retire camera').click();
  await button('Delete now').click();
  await dialog().getByRole('textbox').fill('hall');
  await button('Delete for good').click();
  await eventually(() => dialog().locator('.note.error').textContent()).toBe('This is not the name.');
  await dialog().getByRole('textbox').fill('Hall');
  await button('Delete for good').click();
  await dialog().waitFor({ state: 'detached' });
  const { rows } = await ui.api.database.pool.query(`select 1 from camera_purge where cause = 'requested'`);
  expect(rows).toHaveLength(1);
  await page.goto('/retention/plan');
  const purges = page.getByRole('table', { name: 'Cameras that are deleted as a whole' });
  await eventually(() => purges.locator('tbody').textContent()).toContain('Hall');
});

test('a stopped deletion by age is said and let go on', async () => {
  const { page } = watched;
  await transaction(ui.api.database.pool, (tx) =>
    stopSweeps(tx, { atMs: Date.now(), reason: 'clock', text: 'The clocks are 2 years apart.', dueMs: 90 * minuteMs }),
  );
  await page.goto('/system');
  await eventually(() => page.locator('.problems').textContent()).toContain('The clocks are 2 years apart.');
  await button('Resume deletion').click();
  expect(await dialog().textContent()).toContain('1 h 30 min of footage');
  await dialog().getByRole('button', { name: 'Resume deletion' }).click();
  await eventually(status).toContain('Deletion goes on.');
  await eventually(() => page.locator('.notice').count()).toBe(0);
});

test('what happens to encoders, and what only recorders hold, is on the system page', async () => {
  const { page } = watched;
  const { pool } = ui.api.database;
  const reason = 'Cannot load libcuda.so.1';
  const step = { host: 'gpu-1', fromKind: 'nvenc', toKind: null, ceiling: null, atMs: Date.now() - minuteMs };
  await addEncoderStep(pool, { ...step, kind: 'down', reason });
  await addEncoderStep(pool, { ...step, kind: 'ceiling-dropped', ceiling: 3, reason: 'The driver refused one.' });
  const stats = {
    ...idleFigures,
    held: { files: 12, bytes: 34_000_000, oldestStartMs: Date.now() - 5 * minuteMs },
  };
  const hostId = '00000000-0000-4000-8000-000000000001';
  const host = { hostId, url: 'http://127.0.0.1:1', slots: 1, used: 0, seenMs: Date.now() };
  await upsertRecorder(pool, { ...host, stats });
  await page.goto('/system');
  const panel = page.getByRole('region', { name: 'Encoders', exact: true });
  await eventually(() => panel.textContent()).toContain('12 files, 34 MB, the oldest from 5 min ago');
  await panel.locator('summary').click();
  expect((await panel.locator('details li').allTextContents()).slice(0, 2)).toEqual([
    expect.stringContaining('gpu-1: The driver gives 3 at once'),
    expect.stringMatching(/gpu-1: nvenc → none.*Cannot load libcuda/),
  ]);
});

test('a full bar of coverage ends before its number', async () => {
  const { page } = watched;
  await page.goto(`/cameras/${gate.id}/coverage`);
  await page.locator('.share').first().waitFor();
  const overlaps = await page.locator('.share').evaluateAll((bars) =>
    bars.filter((bar) => {
      const [fill, number] = [bar.querySelector('i'), bar.querySelector('b')];
      if (fill === null || number === null) return true;
      fill.style.setProperty('--part', '1');
      return fill.getBoundingClientRect().right > number.getBoundingClientRect().left;
    }),
  );
  expect(overlaps).toHaveLength(0);
});

test('no page is wider than a phone, and nothing has complained', async () => {
  const { page } = watched;
  await page.setViewportSize({ width: 390, height: 844 });
  const tabs = ['story', 'coverage', 'retention', 'holds', 'settings'].map((tab) => `/cameras/${gate.id}/${tab}`);
  for (const path of ['/', ...tabs, '/retention/plan', '/retention/holds', '/retention/certificates', '/system']) {
    await page.goto(path);
    await page.locator('h1, .camera-row').first().waitFor({ state: 'attached' });
    await page.waitForTimeout(300);
    expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 390]);
  }
  expect(watched.complaints).toEqual([]);
});
