import { afterAll, beforeAll, expect, test } from 'vitest';
import { leaseOf } from '../../db/leases.ts';
import { createLogger } from '../../log.ts';
import { createHostClock, type HostClock, type OtherClocks } from '../../recorder/host-clock.ts';
import { startCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

const yearsMs = 3 * 365 * 86_400_000;
const log = createLogger({ level: 'silent', name: 'test' });

let site: Site;
beforeAll(async () => {
  site = await createSite();
});
afterAll(() => site.close());

/** The real catalogue's and the real store's clock against a host's that is off by `offMs`. */
function clockOff(offMs: number, clocks: OtherClocks = {}) {
  const host = { offMs };
  const { pool: db } = site.database;
  const hostNow = (): number => Date.now() + host.offMs;
  return { host, clock: createHostClock({ hostNow, db, objects: site.objects, log, ...clocks }) };
}

/** On a loaded machine an answer may take too long to say anything. */
async function lookUntil(clock: HostClock, isSo: () => boolean): Promise<void> {
  await waitFor('word of other clocks', async () => {
    await clock.look(60_000);
    return isSo();
  });
}

const isRight = (nowMs: number): boolean => Math.abs(nowMs - Date.now()) < 2500;

test('a step of the clock is not followed unless another clock confirms it', async () => {
  const { host, clock } = clockOff(0);
  host.offMs = 20_000;
  expect(isRight(clock.now())).toBe(true);
  await lookUntil(clock, () => clock.wrong() !== null);
  expect(isRight(clock.now())).toBe(true);
  expect(clock.wrong()?.aheadMs).toBeGreaterThan(17_000);
  host.offMs = 0;
  await lookUntil(clock, () => clock.wrong() === null);
  expect(isRight(clock.now())).toBe(true);

  const { host: late, clock: set } = clockOff(-yearsMs); // and set right before anybody was asked
  late.offMs = 0;
  expect(isRight(set.now())).toBe(false);
  await lookUntil(set, () => isRight(set.now()));
});

test('a clock that is slewed is followed, and none is where no two agree', async () => {
  const { host, clock } = clockOff(0);
  for (let offMs = 0; offMs <= 5000; offMs += 500) {
    host.offMs = offMs;
    expect(Math.abs(clock.now() - Date.now() - offMs)).toBeLessThan(400);
  }
  const doubted = clockOff(yearsMs, { databaseNow: async () => Date.now() - yearsMs });
  await doubted.clock.look(60_000);
  expect(doubted.clock.wrong()).toBeNull();
  expect(Math.abs(doubted.clock.now() - Date.now() - yearsMs)).toBeLessThan(2500);

  const away = clockOff(yearsMs, { databaseNow: () => Promise.reject(new Error('away')) });
  await away.clock.look(60_000);
  expect(Math.abs(away.clock.now() - Date.now() - yearsMs)).toBeLessThan(2500);
});

test('a machine that was suspended goes on at the time that it is, with nobody to ask', async () => {
  const hourMs = 3_600_000;
  let suspendedMs = 0;
  const away = () => Promise.reject(new Error('away'));
  const { host, clock } = clockOff(0, { databaseNow: away, storeNow: away, suspended: () => suspendedMs });
  const aheadMs = () => clock.now() - Date.now();
  host.offMs = suspendedMs = hourMs;
  expect(Math.abs(aheadMs() - hourMs)).toBeLessThan(400);
  await clock.look(60_000);
  expect(Math.abs(aheadMs() - hourMs)).toBeLessThan(400);
  host.offMs += hourMs; // a step that is no sleep
  expect(Math.abs(aheadMs() - hourMs)).toBeLessThan(400);
  suspendedMs += 10; // what its clock is read to
  host.offMs += hourMs;
  expect(Math.abs(aheadMs() - hourMs)).toBeLessThan(400);
});

test('a look that finds the clock right after a sleep counts that once', async () => {
  let suspendedMs = 0;
  const databaseNow = async () => Date.now() + suspendedMs;
  const { host, clock } = clockOff(0, { databaseNow, suspended: () => suspendedMs });
  host.offMs = suspendedMs = 3_600_000;
  await clock.look(60_000);
  expect(clock.wrong()).toBeNull();
  expect(Math.abs(clock.now() - Date.now() - suspendedMs)).toBeLessThan(400);
});

test.concurrent.each([
  { what: 'three years behind', offMs: -yearsMs },
  { what: 'three years ahead', offMs: yearsMs },
])('a host whose clock is $what records at the true time, and says what is wrong', async ({ what, offMs }) => {
  const camera = await startCamera();
  const startedMs = Date.now();
  try {
    const cameraId = await site.addCamera(camera.url());
    const recorder = await site.start(what.replaceAll(' ', '-'), { now: () => Date.now() + offMs });
    await recorder.ensure(cameraId, null);
    await waitFor('footage', async () => (await site.segments(cameraId)).length >= 1);
    const [first] = await site.segments(cameraId);
    expect(first?.startMs).toBeGreaterThan(startedMs - 3000);
    expect(first?.endMs).toBeLessThan(Date.now() + 3000);
    await waitFor('word of it', async () => {
      const { rows } = await site.database.pool.query<{ ahead: string | null }>(
        `select stats->'clock'->>'aheadMs' as ahead from recorder where host_id = $1`,
        [recorder.hostId],
      );
      return Math.abs(Number(rows[0]?.ahead ?? 0) - offMs) < 3000;
    });
    await recorder.get(cameraId)?.stop('unwanted');
  } finally {
    await camera.close();
  }
});

test.concurrent('how far its archive is ahead is told in the lease once other clocks set a host right', async () => {
  const camera = await startCamera();
  const aheadMs = 20_000;
  let isAlone = true;
  const ask = async <T>(answer: T): Promise<T> => {
    if (isAlone) throw new Error('away');
    return answer;
  };
  const clocks = { databaseNow: () => ask(Date.now()), storeNow: () => ask(Date.now()) };
  try {
    const cameraId = await site.addCamera(camera.url());
    const recorder = await site.start('ahead', { now: () => Date.now() + aheadMs, clocks });
    await recorder.ensure(cameraId, null);
    await waitFor('footage', async () => (await site.segments(cameraId)).length >= 1);
    const leadMs = async () => (await leaseOf(site.database.pool, cameraId))?.archiveLeadMs ?? 0;
    expect(await leadMs()).toBe(0);
    isAlone = false;
    await waitFor('its lead', async () => Math.abs((await leadMs()) - aheadMs) < 3000);
    await recorder.get(cameraId)?.stop('unwanted');
  } finally {
    await camera.close();
  }
});
