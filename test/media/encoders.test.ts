import { rm, stat, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EncodeError, EncodeFailure } from '../../media/encode-errors.ts';
import { createEncodeClassifier } from '../../media/encode-errors.ts';
import { encodeFile } from '../../media/encode-file.ts';
import { createEncoders } from '../../media/encoders.ts';
import { encodesOf } from '../support/encodes.ts';
import { ffmpegLines } from '../support/stand-in-ffmpeg/lines.ts';
import { createEncoderMachines, nvenc, type EncoderMachines } from './encoder-machines.ts';
import { ffmpeg } from './footage.ts';

const target = { width: 320, height: 180, fps: 10, resample: true, bitrateKbps: 300, audio: 'none' } as const;
let machines: EncoderMachines;
beforeAll(async () => {
  machines = await createEncoderMachines();
});
afterAll(() => machines.remove());

describe('each failure of an encoder', () => {
  const rows: [keyof typeof ffmpegLines, EncodeFailure, EncodeError['action'], RegExp][] = [
    ['sessionLimit', 'session-limit', 'retry-later', /^OpenEncodeSessionEx failed: incompatible client key \(21\)/],
    ['sessionLimitOfOldDrivers', 'session-limit', 'retry-later', /^OpenEncodeSessionEx failed: out of memory \(10\)/],
    ['vram', 'gpu-memory', 'retry-later', /CUDA_ERROR_OUT_OF_MEMORY/],
    ['noDriver', 'no-driver', 'encoder-off', /^Cannot load libcuda\.so\.1$/],
    ['noEncodeLibrary', 'no-driver', 'encoder-off', /^Cannot load libnvidia-encode\.so\.1$/],
    ['wrongDriver', 'wrong-driver', 'encoder-off', /Required: 13\.1 Found: 13\.0$/],
    ['noEncoderInCard', 'no-device', 'encoder-off', /unsupported device/],
    ['overWide', 'unsupported-input', 'next-encoder', /^Width 5120 exceeds 4096$/],
    ['undecodable', 'unsupported-input', 'next-encoder', /lacking required capabilities/],
    ['deviceLost', 'device-lost', 'encoder-off', /uncorrectable ECC/],
    ['noRenderNode', 'no-device', 'encoder-off', /^No VA display found/],
    ['noMfx', 'no-device', 'encoder-off', /^Error initializing an internal MFX session/],
    // What NVENC prints after each of them says nothing about the cause.
    ['unspecific', 'failed', 'next-encoder', /^No capable devices found$/],
  ];

  it.each(rows)('%s is told from its stderr as %s: %s', async (name, failure, action, message) => {
    const { own, standIn } = await machines.make({ h264_nvenc: { lines: ffmpegLines[name] } });
    const output = join(own, 'out.mp4');
    const error: unknown = await encodeFile({
      ffmpeg: standIn.path,
      encoder: nvenc,
      sources: machines.sources,
      target,
      output,
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'EncodeError', failure, action, message: expect.stringMatching(message) });
    await expect(stat(output)).rejects.toThrow(/ENOENT/);
  });

  it('keeps the telling line however much follows it', () => {
    const classifier = createEncodeClassifier();
    const noise = Array.from({ length: 500 }, (_, i) => `[h264 @ 0x1] [warning] line ${i}`);
    for (const line of [...ffmpegLines.sessionLimit, ...noise]) classifier.push(line);
    expect(classifier.result()?.failure).toBe('session-limit');
  });
});

describe('the ladder', () => {
  it('starts with what really encodes, whatever is compiled in', async () => {
    const { worker } = await machines.make({ h264_nvenc: { lines: ffmpegLines.wrongDriver } });
    const { ladder } = await worker().status();
    const first = ladder[0];
    expect(first).toMatchObject({ encoder: nvenc, state: 'down', reason: expect.stringMatching(/Required: 13\.1/) });
    expect(ladder.at(-1)).toMatchObject({ encoder: { kind: 'x264' }, state: 'up' });
  });

  it('steps down when a card dies, tells so, and returns by itself', async () => {
    const { standIn, steps, clock, worker, job } = await machines.make({ h264_nvenc: {} });
    const encoders = worker();
    expect((await encoders.encode(job())).encoder.kind).toBe('nvenc');
    await standIn.set({ h264_nvenc: { lines: ffmpegLines.deviceLost } });
    expect((await encoders.encode(job())).encoder.kind).toBe('x264');
    expect(steps).toMatchObject([{ kind: 'down', encoder: nvenc, next: 'x264', failure: 'device-lost' }]);
    // It is not asked again at once, and not for ever either.
    await standIn.set({ h264_nvenc: {} });
    expect((await encoders.encode(job())).encoder.kind).toBe('x264');
    clock.nowMs += 61_000;
    expect((await encoders.encode(job())).encoder.kind).toBe('nvenc');
    expect(steps.at(-1)).toMatchObject({ kind: 'up', encoder: nvenc });
  });

  it('asks encoders again where all are down, with no job to ask for it, and not sooner than it should', async () => {
    const { standIn, steps, clock, worker } = await machines.make(
      { h264_nvenc: { lines: ffmpegLines.noDriver } },
      { wanted: ['nvenc'] },
    );
    const encoders = worker();
    const state = async () => (await encoders.status()).ladder.map((rung) => rung.state);
    expect(await state()).toEqual(['down']);
    expect(steps).toMatchObject([{ kind: 'down', encoder: nvenc, next: null, failure: 'no-driver' }]);
    const asked = async () => (await standIn.log()).length;
    const before = await asked();
    clock.nowMs += 59_000;
    await encoders.askAgain();
    expect(await asked()).toBe(before);
    clock.nowMs += 2_000;
    await encoders.askAgain();
    expect(await asked()).toBeGreaterThan(before);
    await standIn.set({ h264_nvenc: {} });
    clock.nowMs += 119_000; // the second wait is twice as long
    await encoders.askAgain();
    expect(await state()).toEqual(['down']);
    clock.nowMs += 2_000;
    await Promise.all([encoders.askAgain(), encoders.askAgain()]);
    expect(await state()).toEqual(['up']);
    expect(steps.map(({ kind }) => kind)).toEqual(['down', 'up']);
  });

  it('decodes on the CPU what the card cannot decode', async () => {
    const { worker, job } = await machines.make({ h264_nvenc: { gpuDecodeLines: ffmpegLines.undecodable } });
    expect(await worker().encode(job())).toMatchObject({ encoder: nvenc, decode: 'cpu', frames: 40 });
  });

  it('leaves an encoder for one job only where the stream does not suit it', async () => {
    const { standIn, steps, worker, job } = await machines.make({ h264_nvenc: {} });
    const encoders = worker();
    await encoders.status();
    await standIn.set({ h264_nvenc: { lines: ffmpegLines.overWide } });
    expect((await encoders.encode(job())).encoder.kind).toBe('x264');
    expect(steps).toMatchObject([{ kind: 'job', encoder: nvenc, failure: 'unsupported-input' }]);
    await standIn.set({ h264_nvenc: {} });
    expect((await encoders.encode(job())).encoder.kind).toBe('nvenc');
  });

  it('ends at the sources where the CPU may not encode', async () => {
    const { worker, job } = await machines.make({ h264_nvenc: { lines: ffmpegLines.noDriver } }, { wanted: ['nvenc'] });
    await expect(worker().encode(job())).rejects.toMatchObject({
      failure: 'no-encoder',
      action: 'retry-later',
      message: expect.stringMatching(/Cannot load libcuda/),
    });
  });

  it('gives up on a job that no encoder can do, and on none of its encoders', async () => {
    const { standIn, worker, job } = await machines.make({ h264_nvenc: {} }, { wanted: ['nvenc'] });
    const encoders = worker();
    await encoders.status();
    await standIn.set({ h264_nvenc: { lines: ffmpegLines.overWide } });
    await expect(encoders.encode(job())).rejects.toMatchObject({ failure: 'unsupported-input', action: 'give-up' });
    expect((await encoders.status()).ladder[0]?.state).toBe('up');
  });
});

describe('a worker of a host', () => {
  it('has x264 in turn for jobs that leave a card, however many that had at once', async () => {
    const { standIn, worker, job } = await machines.make({ h264_nvenc: {} }, { x264Slots: 1 });
    const encoders = worker();
    await encoders.status();
    await standIn.set({ h264_nvenc: { lines: ffmpegLines.deviceLost } });
    let left = 3;
    const jobs = Array.from({ length: left }, () => encoders.encode(job()).finally(() => (left -= 1)));
    const seen = new Set<number>();
    while (left > 0) {
      seen.add((await encoders.status()).ladder.at(-1)?.running ?? 0);
      await sleep(20);
    }
    expect((await Promise.all(jobs)).map(({ encoder }) => encoder.kind)).toEqual(['x264', 'x264', 'x264']);
    expect(Math.max(...seen)).toBe(1);
  });

  it('needs no file of sessions for x264, whose ffmpeg gives way to recorders', async () => {
    const { own, job } = await machines.make({});
    await writeFile(join(own, 'no-folder'), '');
    const encoders = createEncoders({ ffmpeg, wanted: ['x264'], hostFolder: join(own, 'no-folder') });
    expect(await encoders.status()).toMatchObject({ ladder: [{ state: 'up' }], sessions: { used: 0, ceiling: null } });
    const niceness = new Set<number>();
    const onProgress = (): void => {
      for (const pid of encodesOf(new Set([process.pid]))) niceness.add(getPriority(pid));
    };
    expect((await encoders.encode({ ...job(), onProgress })).encoder.kind).toBe('x264');
    expect([...niceness]).toEqual([10]);
  });

  it('leaves a card out while its sessions cannot be counted, says so, and goes on with x264', async () => {
    const { own, steps, clock, worker, job } = await machines.make({ h264_nvenc: {} });
    const encoders = worker();
    expect((await encoders.encode(job())).encoder.kind).toBe('nvenc');
    await rm(join(own, 'host'), { recursive: true });
    await writeFile(join(own, 'host'), 'no folder');
    expect((await encoders.encode(job())).encoder.kind).toBe('x264');
    const { ladder, sessions } = await encoders.status();
    expect(ladder[0]).toMatchObject({ state: 'down', reason: expect.stringMatching(/cannot be counted: E[A-Z]+$/) });
    expect(sessions).toMatchObject({ used: 0, ceiling: null, reason: expect.stringMatching(/cannot be counted/) });
    clock.nowMs += 61_000;
    await encoders.askAgain();
    expect((await encoders.status()).ladder[0]?.state).toBe('down');
    await rm(join(own, 'host'));
    clock.nowMs += 121_000;
    expect((await encoders.encode(job())).encoder.kind).toBe('nvenc');
    expect(steps.map(({ kind, failure }) => [kind, failure])).toEqual([
      ['down', 'no-session-file'],
      ['up', null],
    ]);
  });
});
