import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate, type CalibrateOptions } from '../../media/calibrate.ts';
import { readCalibrations, saveCalibration } from '../../media/calibration-file.ts';
import { ffmpegLines } from '../support/stand-in-ffmpeg/lines.ts';
import { makeStandIn } from '../support/stand-in-ffmpeg/stand-in.ts';
import { ffmpeg, makeFolder } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

async function options(change: Partial<CalibrateOptions> = {}): Promise<CalibrateOptions> {
  return {
    ffmpeg,
    encoder: { kind: 'x264', device: null },
    folder: await mkdtemp(join(folder.path, 'calibrate-')),
    profile: { mode: 'encode', height: 720, fps: 10, bitrateKbps: 1000, audio: 'none' },
    sourceSeconds: 2,
    maxEncodes: 2,
    nowMs: 1_000_000_000_000,
    ...change,
  };
}

describe('calibrate', () => {
  it('measures real encodes and leaves nothing behind', async () => {
    const given = await options();
    const result = await calibrate(given);
    expect(result).toMatchObject({
      atMs: 1_000_000_000_000,
      source: { codec: 'h264', width: 1920, height: 1080, fps: 30 },
      target: { width: 1280, height: 720, fps: 10, bitrateKbps: 1000 },
      refusedAt: null,
    });
    expect(result.levels.map(({ encodes }) => encodes)).toEqual([1, 2]);
    for (const { fps, cpuCores } of result.levels) {
      expect(fps).toBeGreaterThan(0);
      expect(cpuCores).toBeGreaterThan(0);
    }
    expect(Math.abs(result.source.bitrateKbps / 8000 - 1)).toBeLessThan(0.15);
    expect(await readdir(given.folder)).toEqual([]);
  });

  it('ends at the number of sessions the driver refuses', async () => {
    const cap = { cap: 1, capLines: ffmpegLines.sessionLimit };
    const standIn = await makeStandIn(await mkdtemp(join(folder.path, 'gpu-')), { h264_nvenc: cap });
    const given = await options({ ffmpeg: standIn.path, encoder: { kind: 'nvenc', device: '0' }, maxEncodes: 4 });
    const result = await calibrate(given);
    expect(result).toMatchObject({ refusedAt: 2, slots: 1, refusal: expect.stringMatching(/incompatible client key/) });
    expect(result.levels).toHaveLength(1);
    expect(await readdir(given.folder)).toEqual([]);
  });

  it('fails where nothing encodes', async () => {
    const standIn = await makeStandIn(await mkdtemp(join(folder.path, 'none-')), {
      h264_nvenc: { lines: ffmpegLines.noDriver },
    });
    const given = await options({ ffmpeg: standIn.path, encoder: { kind: 'nvenc', device: '0' } });
    await expect(calibrate(given)).rejects.toMatchObject({ failure: 'no-driver' });
  });
});

describe('the calibration file', () => {
  it('keeps one measurement an encoder, the newest', async () => {
    const dir = join(folder.path, 'data');
    expect(await readCalibrations(dir)).toEqual([]);
    const one = await calibrate(await options({ maxEncodes: 1, sourceSeconds: 1 }));
    const other = { ...one, encoder: { kind: 'nvenc', device: '0' } };
    await saveCalibration(dir, one);
    await saveCalibration(dir, other);
    await saveCalibration(dir, { ...one, slots: 2 });
    expect(await readCalibrations(dir)).toEqual([other, { ...one, slots: 2 }]);
  });
});
