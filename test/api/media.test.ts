import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Camera } from '../../domain/camera.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { backdate, commit, recordFiles, type RecordedFile } from './committed-footage.ts';

const t0 = Date.parse('2026-11-17T10:00:00Z');
let nowMs = t0 + 60_000;
let api: ApiUnderTest;
let camera: Camera;
let file: RecordedFile;
let key: string;
let path: string;

beforeAll(async () => {
  const [started, files] = await Promise.all([startApi({ now: () => nowMs }), recordFiles()]);
  api = started;
  camera = await api.addCamera();
  await backdate(api, camera, t0);
  const [first] = await commit(api, camera, [
    { file: files[0], startMs: t0 },
    { file: files[1], startMs: t0 + 4000 },
  ]);
  if (first === undefined || files[0] === undefined) throw new Error('nothing committed');
  file = files[0];
  key = first.key;
  path = link(t0, t0 + 4000);
});
afterAll(() => api.close());

function link(fromMs: number, toMs: number, expiresAtMs = nowMs + 1000): string {
  const claims = { tenantId: camera.tenantId, cameraId: camera.id, fromMs, toMs, expiresAtMs };
  return `/m/${api.deps.links.sign(claims)}/${key.split('/').at(-1)}`;
}
const get = (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  api.app.inject({ method, url, headers });

describe('media', () => {
  test('is served whole, to be kept while its link is good', async () => {
    const answer = await get(path);
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(file.bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(file.bytes.length),
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=1, immutable',
      etag: `"${file.segment.sha256.slice(0, 16)}"`,
    });
  });

  test.each([
    ['the start', 'bytes=0-99', 0, 100],
    ['the middle', 'bytes=1000-1999', 1000, 1000],
    ['the last byte', 'bytes=-1', -1, 1],
    ['from somewhere on', 'bytes=-5000', -5000, 5000],
    ['more than there is', 'bytes=2000-99999999', 2000, Infinity],
  ])('is served by range: %s', async (_name, range, start, length) => {
    const offset = start < 0 ? file.bytes.length + start : start;
    const expected = file.bytes.subarray(offset, offset + length);
    const answer = await get(path, { range });
    expect(answer.statusCode).toBe(206);
    expect(answer.rawPayload.equals(expected)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-length': String(expected.length),
      'content-range': `bytes ${offset}-${offset + expected.length - 1}/${file.bytes.length}`,
    });
  });

  test('is not served beyond its end', async () => {
    const answer = await get(path, { range: 'bytes=99999999-' });
    expect(answer.statusCode).toBe(416);
    expect(answer.headers['content-range']).toBe(`bytes */${file.bytes.length}`);
    expect(answer.json()).toMatchObject({ code: 'range-not-satisfiable' });
  });

  test('answers HEAD without a body', async () => {
    const whole = await get(path, {}, 'HEAD');
    expect([whole.statusCode, whole.headers['content-length'], whole.body]).toEqual([
      200,
      String(file.bytes.length),
      '',
    ]);
    const part = await get(path, { range: 'bytes=0-9' }, 'HEAD');
    expect([part.statusCode, part.headers['content-length'], part.body]).toEqual([206, '10', '']);
  });

  test('is not sent again to who has it', async () => {
    const etag = `"${file.segment.sha256.slice(0, 16)}"`;
    for (const header of [etag, `"other", W/${etag}`, '*']) {
      const answer = await get(path, { 'if-none-match': header });
      expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([304, '', etag]);
    }
    expect((await get(path, { 'if-none-match': '"other"' })).statusCode).toBe(200);
    expect((await get(path, { range: 'bytes=0-9', 'if-range': etag })).statusCode).toBe(206);
    expect((await get(path, { range: 'bytes=0-9', 'if-range': '"other"' })).statusCode).toBe(200);
  });
});

test('media may be kept by a browser no longer than footage and link last', async () => {
  const { pool } = api.database;
  const [before, dayMs] = [nowMs, 86_400_000];
  await pool.query(`update camera set retention_days = 1 where public_id = $1`, [camera.id]);
  const dueMs = t0 + file.segment.durationMs + dayMs;
  const kept = async (atMs: number, linkMs: number) => {
    nowMs = atMs;
    const answer = await get(link(t0, t0 + 4000, nowMs + linkMs), {}, 'HEAD');
    return answer.statusCode === 200 ? answer.headers['cache-control'] : answer.statusCode;
  };
  const said = (seconds: number) => `private, max-age=${seconds}, immutable`;
  expect(await kept(t0 + 60_000, 7_200_000)).toBe(said(7200));
  expect(await kept(dueMs - 90_500, 7_200_000)).toBe(said(90));
  expect(await kept(dueMs - 90_500, 30_000)).toMatch(/max-age=3[01],/);
  expect(await kept(dueMs - 1, 7_200_000)).toBe(said(0));
  expect(await kept(dueMs, 7_200_000)).toBe(410);
  const hold = (untilMs: number) =>
    pool.query(
      `insert into hold (camera_id, start_at, end_at, reason, placed_by, placed_at, until_at)
       select id, $2, $3, 'case 7', 'account:admin', $2, $4 from camera where public_id = $1`,
      [camera.id, new Date(t0), new Date(t0 + 1000), new Date(untilMs)],
    );
  await hold(dueMs + 3_600_000);
  expect(await kept(dueMs, 7_200_000)).toBe(said(0));
  await hold(dueMs + dayMs);
  expect(await kept(dueMs - 500, 7_200_000)).toMatch(/max-age=720[01],/);
  await pool.query(`delete from hold`);
  await pool.query(`update camera set retention_days = 30 where public_id = $1`, [camera.id]);
  nowMs = before;
});

describe('a link', () => {
  const refused = async (url: string, status: number, code: string) => {
    const answer = await get(url);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
  };

  test('ends with its expiry', async () => {
    const url = link(t0, t0 + 4000, nowMs + 60_000);
    expect((await get(url)).statusCode).toBe(200);
    nowMs += 60_000;
    await refused(url, 410, 'link-expired');
    nowMs -= 60_000;
  });

  test('of a playlist is good for at least an hour more', async () => {
    const range = `from=${new Date(t0).toISOString()}&to=${new Date(t0 + 8000).toISOString()}`;
    const { body } = await api.call('GET', `/v1/cameras/${camera.id}/playlist.m3u8?${range}`);
    const uri = body.split('\n').find((line) => line.startsWith('../'));
    const url = new URL(uri ?? '', `http://x/v1/cameras/${camera.id}/playlist.m3u8`).pathname;
    const before = nowMs;
    nowMs += 3_600_000;
    expect((await get(url)).statusCode).toBe(200);
    nowMs += 3_600_000;
    await refused(url, 410, 'link-expired');
    nowMs = before;
  });

  test('allows no other range, camera or name', async () => {
    await refused(link(t0 + 4000, t0 + 8000), 403, 'link-invalid');
    const token = path.split('/')[2] ?? '';
    const name = path.split('/')[3] ?? '';
    await refused(`/m/${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}/${name}`, 403, 'link-invalid');
    for (const other of ['x.mp4', '..%2f..%2fsecret.mp4', name.replace('.mp4', ''), `999999999999999-${name}`]) {
      await refused(`/m/${token}/${other}`, 403, 'link-invalid');
    }
  });

  test('to deleted footage says so', async () => {
    const name = key.split('/').at(-1) ?? '';
    await refused(path.replace(name, name.replace(/-(\d+)-0-/, '-7-0-')), 410, 'footage-gone');
  });
});

test('an object that is gone or spoilt costs nothing but itself: lists and playlist are whole, and the rest plays', async () => {
  const range = `from=${new Date(t0).toISOString()}&to=${new Date(t0 + 8000).toISOString()}`;
  const list = async (what: string) => (await api.call('GET', `/v1/cameras/${camera.id}/${what}?${range}`)).body;
  const before = [await list('playlist.m3u8'), await list('segments')];
  const uris = new Set(before[0]?.match(/^\.\..*\.mp4$/gm));
  const statuses = () =>
    Promise.all(
      [...uris].map(async (uri) => (await get(new URL(uri, 'http://x/v1/cameras/id/list').pathname)).statusCode),
    );
  expect(await statuses()).toEqual([200, 200]);
  await api.deps.objects.remove([key]);
  expect(await statuses()).toEqual([410, 200]);
  expect([await list('playlist.m3u8'), await list('segments')]).toEqual(before);
  const spoilt = Buffer.alloc(1000, 7);
  await api.deps.objects.put(key, Readable.from([spoilt]), spoilt.length, hashOf(spoilt));
  expect(await statuses()).toEqual([200, 200]);
  expect([await list('playlist.m3u8'), await list('segments')]).toEqual(before);
});

test('a client that goes away ends the read from the object storage', async () => {
  const opened: Readable[] = [];
  const { objects } = api.deps;
  const read = objects.read.bind(objects);
  objects.read = async (...args) => {
    const stream = await read(...args);
    opened.push(stream);
    return stream;
  };
  // Far more than the sockets' buffers hold, so that the answer is under way when the client leaves.
  const big = Buffer.alloc(48 * 1024 * 1024, 1);
  const [stored] = await commit(api, camera, [
    { file: { bytes: big, segment: { ...file.segment, bytes: big.length, sha256: hashOf(big) } }, startMs: t0 + 8000 },
  ]);
  const token = api.deps.links.sign({
    tenantId: camera.tenantId,
    cameraId: camera.id,
    fromMs: t0,
    toMs: t0 + 20_000,
    expiresAtMs: nowMs + 60_000,
  });
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const asked = request(`${address}/m/${token}/${stored?.key.split('/').at(-1)}`).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  await once(answer, 'readable');
  expect(opened).toHaveLength(1);
  expect(opened[0]?.destroyed).toBe(false);
  asked.destroy();
  for (let turn = 0; turn < 100 && opened[0]?.destroyed !== true; turn += 1) await sleep(50);
  expect(opened[0]?.destroyed).toBe(true);
  objects.read = read;
});

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
