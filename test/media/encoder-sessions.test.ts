import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEncoderSessions } from '../../media/encoder-sessions.ts';
import { ffmpegLines } from '../support/stand-in-ffmpeg/lines.ts';
import { createEncoderMachines, type EncoderMachines } from './encoder-machines.ts';

let machines: EncoderMachines;
beforeAll(async () => {
  machines = await createEncoderMachines();
});
afterAll(() => machines.remove());

describe('the session limit of a host', () => {
  it('is no proof that a card works: until it has encoded, it says that it is full', async () => {
    const cap = { cap: 0, capLines: ffmpegLines.sessionLimit };
    const { standIn, worker, job } = await machines.make({ h264_nvenc: cap }, { wanted: ['nvenc'] });
    const encoders = worker();
    const card = async () => (await encoders.status()).ladder[0];
    expect(await card()).toMatchObject({ state: 'up', reason: expect.stringMatching(/^It is there, and full: Open/) });
    await standIn.set({ h264_nvenc: {} });
    await encoders.encode(job());
    expect(await card()).toMatchObject({ state: 'up', reason: 'It encoded two frames.' });
  });

  it('is learned from the driver, shared by its workers, and asked again later', async () => {
    const cap = { cap: 2, capLines: ffmpegLines.sessionLimit };
    const { standIn, ceilings, clock, worker, job } = await machines.make({ h264_nvenc: cap }, { wanted: ['nvenc'] });
    const workers = [worker(), worker()];
    for (const one of workers) await one.status();
    // Two sessions of another program: the driver has none left.
    await standIn.set({ h264_nvenc: { ...cap, cap: 0 } });
    const refused = await workers[0]?.encode(job()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ failure: 'session-limit', action: 'retry-later' });
    // The other worker does not even ask.
    const before = (await standIn.log()).length;
    await expect(workers[1]?.encode(job())).rejects.toMatchObject({ failure: 'session-limit', retryAfterMs: 30_000 });
    expect((await standIn.log()).length).toBe(before);
    expect((await workers[1]?.status())?.sessions).toMatchObject({ used: 0, ceiling: 0 });
    await standIn.set({ h264_nvenc: cap });
    clock.nowMs += 60_000;
    await workers[1]?.encode(job());
    expect((await workers[0]?.status())?.sessions).toMatchObject({ used: 0, ceiling: 1 });
    // Told once each, by the worker that met it.
    expect(ceilings).toEqual([
      { from: null, to: 0, reason: 'The driver refused a further session at 0.', atMs: clock.nowMs - 60_000 },
      { from: 0, to: 1, reason: 'The driver gave a further session: 1 at once, 0 before.', atMs: clock.nowMs },
    ]);
  });

  it('never makes a job fail: all of a crowd get done, two at a time', async () => {
    const cap = { cap: 2, capLines: ffmpegLines.sessionLimit };
    const { standIn, clock, worker, job } = await machines.make({ h264_nvenc: cap }, { wanted: ['nvenc'] });
    const workers = [worker(), worker()];
    for (const one of workers) await one.status();
    const untilDone = async (i: number): Promise<number> => {
      for (let tries = 1; ; tries++) {
        try {
          await workers[i % 2]?.encode(job());
          return tries;
        } catch (error) {
          expect(error).toMatchObject({ failure: 'session-limit', action: 'retry-later' });
          await new Promise((resolve) => setTimeout(resolve, 50));
          clock.nowMs += 100;
        }
      }
    };
    const tries = await Promise.all(Array.from({ length: 6 }, (_, i) => untilDone(i)));
    expect(tries).toHaveLength(6);
    const log = await standIn.log();
    expect(log.filter((line) => line === 'refused h264_nvenc').length).toBeLessThan(12);
    const { ceiling } = (await workers[0]?.status())?.sessions ?? {};
    expect(ceiling).toBeGreaterThanOrEqual(1);
    expect(ceiling).toBeLessThanOrEqual(3);
  });

  it('does not count those who died', async () => {
    const host = await mkdtemp(join(machines.path, 'host-'));
    const clock = { nowMs: 1_000_000_000_000 };
    const [dead, alive] = [0, 1].map(() => openEncoderSessions({ folder: host, now: () => clock.nowMs }));
    await dead?.take(); // and never releases it
    expect(await alive?.status()).toMatchObject({ used: 1 });
    clock.nowMs += 31_000;
    expect(await alive?.status()).toMatchObject({ used: 0 });
  });

  it('counts right when many workers come at once', async () => {
    const host = await mkdtemp(join(machines.path, 'host-'));
    const sessions = Array.from({ length: 8 }, () => openEncoderSessions({ folder: host }));
    const taken = await Promise.all(sessions.map((one) => one.take()));
    expect(await sessions[0]?.status()).toMatchObject({ used: 8 });
    await Promise.all(taken.map((one) => ('release' in one ? one.release() : Promise.reject(new Error('none free')))));
    expect(await sessions[0]?.status()).toMatchObject({ used: 0 });
  });
});
