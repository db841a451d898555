import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bestSlots,
  cardCapacity,
  cards,
  measuredCapacity,
  type Calibration,
  type Load,
} from '../../domain/capacity.ts';

const load: Load = {
  codec: 'h264',
  inWidth: 1920,
  inHeight: 1080,
  inFps: 30,
  outWidth: 1280,
  outHeight: 720,
  outFps: 30,
};
const host = { cores: 32, sessionsInUse: 0 };
const card = (name: string) => {
  const found = cards.find((one) => one.name.includes(name));
  if (found === undefined) throw new Error(`no card ${name}`);
  return found;
};
const limitsOf = (capacity: ReturnType<typeof cardCapacity>) =>
  Object.fromEntries(capacity.limits.map(({ name, cameras }) => [name, cameras]));

describe('cardCapacity', () => {
  it('gives a 5090 twelve live transcodes of 1080p30, not 200, and shows why', () => {
    const capacity = cardCapacity(card('5090'), load, host, { as: 'live' });
    expect(capacity).toMatchObject({ cameras: 12, bottleneck: 'sessions' });
    // 713 x 3 x 2.25 / 30 = 160 and 1434 x 2 / 30 = 95, each x 0.85.
    expect(limitsOf(capacity)).toEqual({ encoder: 136, decoder: 81, sessions: 12, memory: 86, cores: 1120 });
    expect(capacity.limits[1]?.arithmetic).toBe('0.85 x 2 NVDEC x 1434 fps / 30 fps in');
  });

  it('lifts the session limit with jobs: then decoding ends it', () => {
    const capacity = cardCapacity(card('5090'), load, host, { as: 'jobs' });
    expect(capacity).toMatchObject({ cameras: 81, bottleneck: 'decoder' });
    const slow = cardCapacity(card('5090'), load, host, { as: 'jobs', sessionFps: 150 });
    expect(slow).toMatchObject({ cameras: 60, bottleneck: 'sessions' });
  });

  it('relieves only the encoder by fewer frames out: all that come in are decoded', () => {
    const fewer = limitsOf(cardCapacity(card('PRO 6000'), { ...load, outFps: 10 }, host, { as: 'live' }));
    const all = limitsOf(cardCapacity(card('PRO 6000'), load, host, { as: 'live' }));
    expect(fewer['encoder']).toBeGreaterThanOrEqual((all['encoder'] ?? 0) * 3);
    expect(fewer['decoder']).toBe(all['decoder']);
    const half = limitsOf(cardCapacity(card('PRO 6000'), { ...load, inFps: 15 }, host, { as: 'live' }));
    expect(half['decoder']).toBe(325);
  });

  it('counts sessions over all cards of a host, and what others use', () => {
    const capacity = cardCapacity(card('5090'), load, { ...host, sessionsInUse: 5 }, { as: 'live', count: 2 });
    expect(limitsOf(capacity)).toMatchObject({ sessions: 7, decoder: 162 });
  });

  it('gives what docs/capacity.md says of each card', () => {
    const doc = readFileSync('docs/capacity.md', 'utf8');
    for (const one of cards) {
      const row = doc.split('\n').find((line) => line.startsWith(`| ${one.name} |`)) ?? '';
      const shown = row.split('|').slice(2, -1);
      const live = cardCapacity(one, load, host, { as: 'live' });
      const { encoder, decoder, sessions, memory } = limitsOf(live);
      const cells = [encoder, decoder, sessions === Infinity ? 'no cap' : sessions, memory, live.cameras];
      cells.push(cardCapacity(one, load, host, { as: 'jobs' }).cameras);
      expect(shown.map((cell) => cell.replaceAll('*', '').trim())).toEqual(cells.map(String));
    }
  });

  it('is bounded by the cores of a small host', () => {
    expect(cardCapacity(card('PRO 6000'), load, { ...host, cores: 2 }, { as: 'live' })).toMatchObject({
      cameras: 70,
      bottleneck: 'cores',
    });
  });
});

describe('bestSlots', () => {
  it('takes the fewest encodes at once that come near the best rate', () => {
    expect(
      bestSlots([
        { encodes: 1, fps: 300 },
        { encodes: 2, fps: 580 },
        { encodes: 3, fps: 600 },
        { encodes: 4, fps: 605 },
      ]),
    ).toBe(2);
    expect(bestSlots([])).toBe(1);
  });
});

describe('measuredCapacity', () => {
  const calibration: Calibration = {
    atMs: 0,
    encoder: { kind: 'x264', device: null },
    device: null,
    cores: 2,
    source: { codec: 'h264', width: 1920, height: 1080, fps: 30, bitrateKbps: 8000 },
    target: { width: 1280, height: 720, fps: 10, bitrateKbps: 1000 },
    levels: [
      { encodes: 1, fps: 95, cpuCores: 1, vramMb: null },
      { encodes: 2, fps: 190, cpuCores: 2, vramMb: null },
    ],
    refusedAt: null,
    refusal: null,
    slots: 2,
  };

  it('is the rate with all slots over the cadence, or the cores', () => {
    const capacity = measuredCapacity(calibration, true);
    expect(capacity).toMatchObject({ cameras: 4, bottleneck: 'cores' });
    expect(measuredCapacity(calibration, false)).toMatchObject({ cameras: 5, bottleneck: 'encoder' });
  });

  it('is nothing without a measurement', () => {
    expect(measuredCapacity({ ...calibration, slots: 9 }, true).cameras).toBe(0);
  });
});
