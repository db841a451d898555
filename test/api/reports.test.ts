import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveDays } from '../../db/coverage.ts';
import { cameraForRecording } from '../../db/cameras.ts';
import type { Camera } from '../../domain/camera.ts';
import { problemsOf } from '../../security/certificates.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let nowMs = Date.UTC(2026, 10, 24);
let api: ApiUnderTest;
let camera: Camera;

interface Report {
  document: { total: object; cameras: { id: string; name: string; days: object[] }[] };
  signature: { keyId: string };
}
const path = '/v1/reports/coverage';

async function day(of: Camera, startMs: number, lostMs: object, recordedMs = 23 * hourMs): Promise<void> {
  const { pool } = api.database;
  const internalId = (await cameraForRecording(pool, of.id))?.internalId ?? 0;
  const counted = { wantedMs: 24 * hourMs, recordedMs, gaps: 1, lostMs, trimmed: false };
  await saveDays(pool, [{ internalId, dayMs: startMs, knownUntilMs: startMs + dayMs, ...counted }]);
}

beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
  camera = await api.addCamera({ name: 'Gate <2>' });
  await day(camera, Date.UTC(2026, 9, 31), { unknown: hourMs }); // of another month
  await day(camera, Date.UTC(2026, 10, 1), { unreachable: hourMs });
  await day(camera, Date.UTC(2026, 10, 30), { auth: hourMs / 2, unreachable: hourMs / 2 });
  await day(camera, Date.UTC(2026, 11, 1), { unknown: hourMs });
});
afterAll(() => api.close());

test('counts the month by camera and day, and says whose fault the rest is', async () => {
  const answer = await api.call('GET', `${path}?month=2026-11`);
  expect(answer.statusCode).toBe(200);
  const { document } = answer.json<Report>();
  const total = {
    wantedMs: 48 * hourMs,
    recordedMs: 46 * hourMs,
    coveragePpm: 958_333,
    gaps: 2,
    lostMsByReason: { unreachable: 1.5 * hourMs, auth: hourMs / 2 },
    lostMsByOwner: { network: 1.5 * hourMs, operator: hourMs / 2 },
  };
  expect(document).toMatchObject({ month: '2026-11', final: false, total, cameras: [{ id: camera.id, ...total }] });
  expect(document.cameras[0]?.days).toMatchObject([{ day: '2026-11-01' }, { day: '2026-11-30' }]);
});

test('is signed with a published key, and any change shows', async () => {
  const signed = (await api.call('GET', `${path}?month=2026-11`)).json<Report>();
  const { keys } = (await api.app.inject('/.well-known/framekeep-keys.json')).json<{
    keys: { id: string; publicKey: string }[];
  }>();
  expect(problemsOf(signed, keys)).toEqual([]);
  const forged = structuredClone(signed);
  Object.assign(forged.document.total, { recordedMs: 48 * hourMs });
  expect(problemsOf(forged, keys)).toHaveLength(1);
});

test('is final once late footage is taken in no more', async () => {
  nowMs = Date.UTC(2026, 11, 9);
  const { document } = (await api.call('GET', `${path}?month=2026-11`)).json<{ document: { final: boolean } }>();
  expect(document.final).toBe(true);
});

test('can be printed: escaped, under a policy that lets nothing in', async () => {
  const page = await api.call('GET', `${path}/page?month=2026-11`);
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.headers['content-security-policy']).toContain(`default-src 'none'`);
  expect(page.body).toContain('Gate &lt;2&gt;');
  expect(page.body).not.toContain('<2>');
  expect(page.body).toContain('<td class="number">95.83 %</td>');
  expect(page.body).toContain('unreachable 1:30:00, auth 0:30:00');
});

test('of a month, a tenant that is', async () => {
  expect((await api.call('GET', `${path}?month=2026-13`)).statusCode).toBe(400);
  const nobody = await api.call('GET', `${path}?month=2026-11&tenantId=0199d2c4-0000-7000-8000-000000000000`);
  expect(nobody.statusCode).toBe(404);
});
