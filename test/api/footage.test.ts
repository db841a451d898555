import { gunzipSync } from 'node:zlib';
import { Parser } from 'm3u8-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimHole, closeGap, openGap } from '../../db/gaps.ts';
import type { Camera } from '../../domain/camera.ts';
import type { Segment } from '../../domain/segment.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { backdate, commit, recordFiles, type RecordedFile } from './committed-footage.ts';

/** 10:00:00; footage from 10:00:01 to :09 and from 10:01:00 to :04, so that there are two gaps. */
const t0 = Date.parse('2026-11-17T10:00:00Z');
let nowMs = t0 + 70_000;
let api: ApiUnderTest;
let files: RecordedFile[];
let camera: Camera;
let committed: { segment: Segment; key: string }[];

const iso = (ms: number) => new Date(ms).toISOString();
const range = (fromMs: number, toMs: number) => `from=${iso(fromMs)}&to=${iso(toMs)}`;
const get = (what: string, fromMs: number, toMs: number, more = '') =>
  api.call('GET', `/v1/cameras/${camera.id}/${what}?${range(fromMs, toMs)}${more}`);

beforeAll(async () => {
  [api, files] = await Promise.all([startApi({ now: () => nowMs }), recordFiles()]);
  const made = await api.addCamera({ retentionDays: 2 });
  await backdate(api, made, t0);
  await closeGap(api.database.pool, made.id, t0 + 1000);
  committed = await commit(api, made, [
    { file: files[0], startMs: t0 + 1000 },
    { file: files[1], startMs: t0 + 5000 },
    { file: files[2], startMs: t0 + 60_000 },
  ]);
  await claimHole(api.database.pool, made.id, t0 + 9000, t0 + 60_000, 'stalled', { lastError: 'no data', attempts: 2 });
  camera = (await api.call('GET', `/v1/cameras/${made.id}`)).json<Camera>();
});
afterAll(() => api.close());

describe('segments', () => {
  test('are listed in order of time', async () => {
    const answer = await get('segments', t0, nowMs);
    expect(answer.statusCode).toBe(200);
    const { items } = answer.json<{ items: object[] }>();
    expect(items).toHaveLength(3);
    expect(items[0]).toEqual({
      startAt: '2026-11-17T10:00:01.000Z',
      durationMs: 4000,
      bytes: files[0]?.bytes.length,
      codec: 'h264',
      width: 320,
      height: 180,
      fps: 30,
      variant: 0,
    });
  });

  test('that only reach into the range are in it', async () => {
    const { items } = (await get('segments', t0 + 8999, t0 + 60_001)).json<{ items: { startAt: string }[] }>();
    expect(items.map(({ startAt }) => startAt)).toEqual([iso(t0 + 5000), iso(t0 + 60_000)]);
  });

  test('come in pages', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await get('segments', t0, nowMs, `&limit=1${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      const { items, nextCursor } = page.json<{ items: { startAt: string }[]; nextCursor?: string }>();
      expect(items).toHaveLength(1);
      seen.push(...items.map(({ startAt }) => startAt));
      cursor = nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(committed.map(({ segment }) => iso(segment.startMs)));
  });
});

describe('gaps', () => {
  test('are explained, with owner and evidence', async () => {
    const { items } = (await get('gaps', t0, nowMs)).json<{ items: object[] }>();
    expect(items).toEqual([
      { startAt: iso(t0), endAt: iso(t0 + 1000), reason: 'operator', owner: 'operator', evidence: {} },
      {
        startAt: iso(t0 + 9000),
        endAt: iso(t0 + 60_000),
        reason: 'stalled',
        owner: 'camera',
        evidence: { lastError: 'no data', attempts: 2 },
      },
    ]);
  });

  test('come in pages, cut as in one list also where a page ends within a hole', async () => {
    const other = await api.addCamera();
    await backdate(api, other, t0 - 3_600_000);
    await closeGap(api.database.pool, other.id, t0 - 3_600_000);
    await commit(api, other, [
      { file: files[0], startMs: t0 + 1000 },
      { file: files[1], startMs: t0 + 20_000 },
    ]);
    const reasons = ['stalled', 'auth', 'closed', 'stalled', 'refused'] as const;
    for (const [i, reason] of reasons.entries()) {
      await claimHole(api.database.pool, other.id, t0 - 10_000 + i * 2300, t0 - 8000 + i * 2300, reason, {});
      await claimHole(api.database.pool, other.id, t0 + 6000 + i * 2300, t0 + 8000 + i * 2300, reason, {});
    }
    const list = (more: string) =>
      api.call('GET', `/v1/cameras/${other.id}/gaps?${range(t0 - 3_000_000, nowMs)}${more}`);
    const { items } = (await list('')).json<{ items: object[] }>();
    expect(items.length).toBeGreaterThan(10);
    const paged: object[] = [];
    for (let more = '&limit=1', pages = 0; more !== ''; pages += 1) {
      expect(pages).toBeLessThan(items.length);
      const page = (await list(more)).json<{ items: object[]; nextCursor?: string }>();
      paged.push(...page.items);
      more = page.nextCursor === undefined ? '' : `&limit=2&cursor=${page.nextCursor}`;
    }
    expect(paged).toEqual(items);
  });

  test('that are open have no end', async () => {
    const other = await api.addCamera();
    await backdate(api, other, t0);
    await openGap(api.database.pool, other.id, {
      startMs: t0,
      reason: 'auth',
      evidence: { history: [{ reason: 'auth', sinceMs: t0, attempts: 3, lastError: '401' }] },
    });
    const answer = await api.call('GET', `/v1/cameras/${other.id}/gaps?${range(t0, nowMs)}`);
    expect(answer.json()).toEqual({
      items: [
        {
          startAt: iso(t0),
          endAt: null,
          reason: 'auth',
          owner: 'operator',
          evidence: { history: [{ reason: 'auth', since: iso(t0), attempts: 3, lastError: '401' }] },
        },
      ],
    });
  });
});

test('coverage is footage over wanted time, by day', async () => {
  const { items } = (await get('coverage', t0 - 3_600_000, nowMs)).json<{ items: object[] }>();
  expect(items).toEqual([
    {
      day: '2026-11-17',
      startAt: iso(t0),
      endAt: iso(t0 + 64_000),
      wantedMs: 64_000,
      recordedMs: 12_000,
      ratio: 12 / 64,
    },
  ]);
});

describe('a playlist', () => {
  interface Parsed {
    endList: boolean;
    segments: {
      uri: string;
      duration: number;
      discontinuity?: boolean;
      byterange: { length: number; offset: number };
      map: { uri: string; byterange: { length: number; offset: number } };
      dateTimeObject?: Date;
    }[];
  }
  function parse(text: string): Parsed {
    const parser = new Parser();
    parser.push(text);
    parser.end();
    return parser.manifest as unknown as Parsed;
  }

  test('plays the range: byte ranges, MAP, DISCONTINUITY at the gap, wall time', async () => {
    const answer = await get('playlist.m3u8', t0, nowMs);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/vnd.apple.mpegurl');
    const { segments, endList } = parse(answer.body);
    expect(endList).toBe(true);
    expect(segments.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(12, 3);
    expect(segments.filter(({ discontinuity }) => discontinuity).map(({ dateTimeObject }) => dateTimeObject)).toEqual([
      new Date(t0 + 60_000),
    ]);
    expect(segments[0]?.uri).toMatch(/^\.\.\/\.\.\/\.\.\/m\/[\w-]+\/[\w-]+\.mp4$/);
  });

  test('every byte range of it can be fetched, and together they are the footage', async () => {
    const { body } = await get('playlist.m3u8', t0, t0 + 9000);
    const base = `http://x/v1/cameras/${camera.id}/playlist.m3u8`;
    const parts: Buffer[] = [];
    const first = parse(body).segments[0];
    for (const part of [first?.map, ...parse(body).segments]) {
      if (part === undefined) throw new Error('an empty playlist');
      const { length, offset } = part.byterange;
      const answer = await api.app.inject({
        url: new URL(part.uri, base).pathname,
        headers: { range: `bytes=${offset}-${offset + length - 1}` },
      });
      expect(answer.statusCode).toBe(206);
      expect(answer.rawPayload).toHaveLength(length);
      parts.push(answer.rawPayload);
    }
    const [one, two] = [files[0], files[1]];
    if (one === undefined || two === undefined) throw new Error('nothing recorded');
    const media = (file: RecordedFile) =>
      file.bytes.subarray(
        file.segment.format.initBytes,
        file.segment.format.initBytes + file.segment.entries.reduce((sum, { bytes }) => sum + bytes, 0),
      );
    const expected = [one.bytes.subarray(0, one.segment.format.initBytes), media(one), media(two)];
    expect(Buffer.concat(parts).equals(Buffer.concat(expected))).toBe(true);
  });

  test('is zipped for whoever accepts it', async () => {
    const url = `/v1/cameras/${camera.id}/playlist.m3u8?${range(t0, nowMs)}`;
    const ask = (encoding: string) =>
      api.app.inject({ url, headers: { authorization: `Bearer ${api.apiKey}`, 'accept-encoding': encoding } });
    const plain = await ask('br, gzip;q=0');
    const zipped = await ask('gzip, deflate, br');
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(gunzipSync(zipped.rawPayload).toString()).toBe(plain.body);
  });

  test('asked for again in the same hour is the same, so that browsers find what they have', async () => {
    const before = (await get('playlist.m3u8', t0, nowMs)).body;
    nowMs += 60_000;
    expect((await get('playlist.m3u8', t0, t0 + 70_000)).body).toBe(before);
    nowMs -= 60_000;
  });

  test('ends at the retention', async () => {
    const before = nowMs;
    nowMs = t0 + 2 * 24 * 3600 * 1000 + 7000;
    const { segments } = parse((await get('playlist.m3u8', t0, t0 + 70_000)).body);
    expect(segments[0]?.dateTimeObject).toEqual(new Date(t0 + 7000));
    const { items } = (await get('segments', t0, t0 + 70_000)).json<{ items: { startAt: string }[] }>();
    expect(items.map(({ startAt }) => startAt)).toEqual([iso(t0 + 5000), iso(t0 + 60_000)]);
    expect((await get('gaps', t0, t0 + 6000)).json()).toEqual({ items: [] });
    nowMs = before + 3 * 24 * 3600 * 1000;
    expect((await get('playlist.m3u8', t0, t0 + 70_000)).json()).toMatchObject({ code: 'no-footage' });
    nowMs = before;
  });
});
