import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideProfile, preferSubstream } from '../../domain/profile-decision.ts';
import { encodeTarget, fitSize, usualBitrateKbps, type ProfileSpec, type StreamFacts } from '../../domain/profile.ts';

const standard: ProfileSpec = { mode: 'auto', height: 720, fps: 10, bitrateKbps: 1000, audio: 'none' };
const fitting: StreamFacts = {
  codec: 'h264',
  width: 1280,
  height: 720,
  fps: 10,
  bitrateKbps: 1000,
  keyDistanceMs: 4000,
  hasBFrames: false,
};

describe('decideProfile', () => {
  it('copies what fits, at the very limits', () => {
    expect(decideProfile(standard, fitting)).toEqual({
      action: 'copy',
      reason: 'Kept as it is: H.264 1280x720 at 10 fps and 1000 kbit/s fits the profile.',
    });
    expect(decideProfile(standard, { ...fitting, bitrateKbps: 1150, keyDistanceMs: 4066, fps: 10.3 }).action).toBe(
      'copy',
    );
  });

  it.each<[string, Partial<StreamFacts>, RegExp]>([
    ['codec', { codec: 'hevc' }, /H\.265/],
    ['height', { height: 1080 }, /its height is 1080 pixels, above 720/],
    ['rate', { fps: 30 }, /its frame rate is 30 a second, above 10/],
    ['bitrate', { bitrateKbps: 1200 }, /its bitrate is 1200 kbit\/s, above 1000/],
    ['keys', { keyDistanceMs: 10_000 }, /its key distance is 10 s, above 4/],
    ['B-frames', { hasBFrames: true }, /B-frames/],
  ])('encodes for its %s and says so', (_, change, reason) => {
    const decision = decideProfile(standard, { ...fitting, ...change });
    expect(decision.action).toBe('encode');
    expect(decision.reason).toMatch(reason);
  });

  it('names every misfit', () => {
    const { reason } = decideProfile(standard, { ...fitting, height: 1080, fps: 25, hasBFrames: true });
    expect(reason.split(';')).toHaveLength(3);
  });

  it('waits for what is not measured yet, unless what is known decides', () => {
    const unknown = { ...fitting, bitrateKbps: null, keyDistanceMs: null };
    expect(decideProfile(standard, unknown)).toEqual({
      action: 'undecided',
      reason: 'Fits as far as known; bitrate and key distance not measured yet.',
    });
    expect(decideProfile(standard, { ...unknown, height: 1080 }).action).toBe('encode');
  });

  it('keeps H.265 where the profile allows it, and bounds nothing the profile leaves open', () => {
    expect(decideProfile({ ...standard, hevc: true }, { ...fitting, codec: 'hevc' }).action).toBe('copy');
    const open = { ...standard, height: null, fps: null, bitrateKbps: null };
    expect(decideProfile(open, { ...fitting, height: 2160, fps: 60, bitrateKbps: 30_000 }).action).toBe('copy');
  });

  it('does as told in the modes copy and encode', () => {
    expect(decideProfile({ ...standard, mode: 'copy' }, { ...fitting, codec: 'hevc', height: 2160 }).action).toBe(
      'copy',
    );
    expect(decideProfile({ ...standard, mode: 'encode' }, fitting).action).toBe('encode');
  });
});

describe('preferSubstream', () => {
  it('takes the substream where it needs no encoder', () => {
    const substream = { ...fitting, width: 640, height: 360, bitrateKbps: 500 };
    expect(preferSubstream(standard, substream).use).toBe('substream');
    expect(preferSubstream({ ...standard, mode: 'encode' }, substream).use).toBe('substream');
    const heavy = preferSubstream(standard, { ...substream, codec: 'hevc' });
    expect(heavy).toMatchObject({ use: 'main', reason: expect.stringMatching(/does not fit.*H\.265/) });
  });
});

describe('encodeTarget', () => {
  const main = { ...fitting, width: 1920, height: 1080, fps: 30, bitrateKbps: 8000, hasAudio: true };

  it('is what the profile asks for', () => {
    expect(encodeTarget(standard, main)).toEqual({
      width: 1280,
      height: 720,
      fps: 10,
      resample: true,
      bitrateKbps: 1000,
      audio: 'none',
    });
    expect(encodeTarget({ ...standard, audio: 'aac' }, main).audio).toBe('copy');
    expect(encodeTarget({ ...standard, audio: 'aac' }, { ...main, hasAudio: false }).audio).toBe('none');
  });

  it('makes up neither pixels nor frames nor bits', () => {
    const small = encodeTarget(standard, { ...main, width: 640, height: 360, fps: 5, bitrateKbps: 300 });
    expect(small).toMatchObject({ width: 640, height: 360, fps: 5, resample: false, bitrateKbps: 300 });
  });

  it('gives H.265 twice the bits as H.264, and a still picture a minimum', () => {
    expect(encodeTarget(standard, { ...main, codec: 'hevc', bitrateKbps: 400 }).bitrateKbps).toBe(800);
    expect(encodeTarget(standard, { ...main, bitrateKbps: 5 }).bitrateKbps).toBe(64);
  });

  it('chooses a bitrate where the profile names none', () => {
    expect(usualBitrateKbps(1280, 720, 10)).toBe(1000);
    expect(usualBitrateKbps(1280, 720, 30)).toBeGreaterThan(1900);
    expect(encodeTarget({ ...standard, bitrateKbps: null }, main).bitrateKbps).toBe(1000);
  });
});

describe('fitSize', () => {
  it.each([
    [1920, 1080, 720, 1280, 720],
    [854, 480, 240, 428, 240],
    [321, 181, 720, 320, 180],
    [1080, 1920, 720, 406, 720],
    [640, 360, null, 640, 360],
    [640, 360, 720, 640, 360],
    [5120, 1440, 721, 2560, 720],
  ])('%ix%i within %s is %ix%i', (width, height, most, toWidth, toHeight) => {
    expect(fitSize({ width, height }, most)).toEqual({ width: toWidth, height: toHeight });
  });

  it('is even, never larger, and keeps the shape to a pixel of rounding', () => {
    const side = fc.integer({ min: 16, max: 8192 });
    fc.assert(
      fc.property(side, side, fc.option(fc.integer({ min: 16, max: 4320 })), (width, height, most) => {
        const to = fitSize({ width, height }, most);
        expect((to.width % 2) + (to.height % 2)).toBe(0);
        expect(to.height).toBeLessThanOrEqual(Math.min(height, most ?? Infinity));
        expect(to.width).toBeLessThanOrEqual(Math.max(2, width));
        if (to.width > 2)
          expect(Math.abs(to.width - (width * to.height) / height)).toBeLessThanOrEqual(2 + width / height);
      }),
    );
  });
});
