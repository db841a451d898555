import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { claimsBetween } from '../../db/gaps.ts';
import { explainHoles } from '../../domain/gaps.ts';
import type { Fault, StreamOptions } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { startGstCamera } from '../support/gst-camera.ts';
import { waitFor } from '../support/system.ts';
import { onStage } from './stage.ts';

test.concurrent(
  'a camera is recorded, committed with every frame, and stopped with its last segment',
  onStage(async ({ site, camera }) => {
    const cameraId = await site.addCamera(camera.url());
    const recorder = await site.start('a');
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('three segments', async () => (await site.segments(cameraId)).length >= 3);
    expect(recording.progress().state).toBe('recording');
    expect((await site.state(cameraId)).status).toBe('recording');

    const askedMs = Date.now();
    await recording.stop('unwanted');
    await waitFor('the backlog', async () => recorder.stats().backlog.files === 0);
    const rows = await site.segments(cameraId);
    expect(rows.map((row) => row.anchor)).toEqual(rows.map((_, i) => i === 0));
    rows.slice(1).forEach((row, i) => expect(row.startMs).toBe(rows[i]?.endMs));
    expect(rows.at(-1)?.endMs).toBe(recording.progress().lastSegmentEndMs);
    expect(rows.at(-1)?.endMs).toBeGreaterThan(askedMs - 3000);
    expect(rows.at(-1)?.endMs).toBeLessThan(Date.now());

    const counters = await readFrameCounters(await site.download(cameraId));
    const report = followFrames(counters, camera.loop().frames);
    expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
    const recordedBy = Math.max(...camera.framesSent().map((frame) => frame.client));
    const sent = camera.framesSent().filter((frame) => frame.client === recordedBy);
    expect(report.indexes[0]).toBe((sent[0]?.index ?? 0) % camera.loop().frames);
    // Some were on their way when it was stopped; on a busy machine the camera goes on for a while.
    expect(sent.filter(({ atMs }) => atMs < askedMs).length - counters.length).toBeLessThan(15);
  }),
);

const awkward: Record<string, { fault?: Fault; stream?: StreamOptions }> = {
  jitter: { fault: { jitterMs: 80 } },
  bursts: { fault: { burstEveryMs: 700 } },
  'clock forward': { fault: { clockJumpAfterMs: 4300, clockJumpMs: 3_600_000 } },
  'clock back': { fault: { clockJumpAfterMs: 4300, clockJumpMs: -3_600_000 } },
  'B-frames': { stream: { bFrames: 2 } },
  'H.265': { stream: { codec: 'hevc' } },
};

test.concurrent(
  'jitter, bursts, clock steps, B-frames and H.265: no frame is lost and no time is bent',
  onStage(async ({ site, open }) => {
    const recorder = await site.start('a');
    await Promise.all(
      Object.entries(awkward).map(async ([name, { fault = {}, stream = {} }]) => {
        // A camera each: its clock is one for all its streams.
        const own = await open({ streams: { '/s': stream }, faults: { '/s': fault }, clock: 'per-client' });
        const cameraId = await site.addCamera(own.url());
        const recording = await recorder.ensure(cameraId, null);
        await waitFor(`${name}: segments`, async () => (await site.segments(cameraId)).length >= 5);
        await recording.stop('unwanted');
        await waitFor(`${name}: backlog`, async () => recorder.stats().backlog.files === 0);

        const rows = await site.segments(cameraId);
        rows.slice(1).forEach((row, i) => expect(row.startMs, name).toBe(rows[i]?.endMs));
        expect(rows.filter((row) => row.anchor).length, name).toBe(1);
        expect(rows[0]?.codecTag.slice(0, 5), name).toBe(name === 'H.265' ? 'hvc1.' : 'avc1.');
        const counters = await readFrameCounters(await site.download(cameraId));
        const { frames, fps } = own.loop();
        const { missing, duplicated, reordered, indexes } = followFrames(counters, frames);
        // Of B-frames the last one shown may have been on its way when the recording was stopped.
        const lastIndex = indexes.reduce((a, b) => Math.max(a, b));
        expect({ duplicated, reordered }, name).toEqual({ duplicated: [], reordered: [] });
        expect(
          missing.filter((index) => index < lastIndex - 3),
          name,
        ).toEqual([]);
        const recordedMs = (rows.at(-1)?.endMs ?? 0) - (rows[0]?.startMs ?? 0);
        // A camera's clock step is taken for one frame; nothing else may change the length.
        expect(Math.abs(recordedMs - (counters.length * 1000) / fps), name).toBeLessThan(250);
        const sent = own.framesSent();
        const client = Math.max(...sent.map((frame) => frame.client));
        const first = sent.find((frame) => frame.client === client);
        expect(Math.abs((rows[0]?.startMs ?? 0) - (first?.atMs ?? 0)), name).toBeLessThan(1000);
      }),
    );
  }),
  90_000,
);

test.concurrent(
  'B-frames and a clock set back confuse ffmpeg for good: the stream is opened anew, time stays right',
  onStage(async ({ site, open }) => {
    const camera = await open({ streams: { '/s': { bFrames: 2 } } });
    const cameraId = await site.addCamera(camera.url());
    const recorder = await site.start('a');
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
    // Back to a time the stream has had: ffmpeg takes one before its start for the wrap of 32 bits, which it survives.
    camera.jumpClock(3_600_000);
    await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 3);
    camera.jumpClock(-3_600_000);
    await waitFor('bad-stream', async () => (await site.gaps(cameraId)).some((gap) => gap.reason === 'bad-stream'));
    const now = Date.now();
    await waitFor('more', async () => (await site.segments(cameraId)).some((row) => row.startMs > now));
    await recording.stop('unwanted');
    await waitFor('backlog', async () => recorder.stats().backlog.files === 0);
    const rows = await site.segments(cameraId);
    rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
    expect(Math.abs((rows.at(-1)?.endMs ?? 0) - Date.now())).toBeLessThan(5000);
  }),
);

test.concurrent(
  'audio: none without a track, aac for a camera that sends PCMU',
  onStage(async ({ site, open }) => {
    const camera = await open({ streams: { '/stream': { audio: 'pcmu' } } });
    const recorder = await site.start('a');
    const silentId = await site.addCamera(camera.url(), { audio: 'none' });
    const audibleId = await site.addCamera(camera.url(), { audio: 'aac' });
    await recorder.ensure(silentId, null);
    await recorder.ensure(audibleId, null);
    for (const cameraId of [silentId, audibleId]) {
      await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
    }
    expect((await site.segments(silentId)).map((row) => row.audioCodec)).not.toContain('aac');
    expect(new Set((await site.segments(audibleId)).map((row) => row.audioCodec))).toEqual(new Set(['aac']));
  }),
);

test.concurrent(
  'a camera that changes its picture size or codec is recorded anew, with its own init',
  onStage(async ({ site, open }) => {
    const camera = await open({ streams: { '/size': {}, '/codec': {} } });
    const recorder = await site.start('a');
    const ids = await Promise.all(['/size', '/codec'].map((path) => site.addCamera(camera.url(path))));
    const [sizeId = '', codecId = ''] = ids;
    for (const cameraId of ids) await recorder.ensure(cameraId, null);
    for (const cameraId of ids) await waitFor('segments', async () => (await site.segments(cameraId)).length >= 1);
    await camera.changeStream({ width: 480, height: 270 }, '/size');
    await camera.changeStream({ codec: 'hevc' }, '/codec');
    const formats = async (cameraId: string) =>
      (
        await site.database.pool.query<{ codec: string; width: number }>(
          `select distinct f.codec, f.width from segment s join camera c on c.id = s.camera_id
         join stream_format f on f.id = s.format_id where c.public_id = $1`,
          [cameraId],
        )
      ).rows;
    await waitFor('the new size', async () => (await formats(sizeId)).some(({ width }) => width === 480));
    await waitFor('the new codec', async () => (await formats(codecId)).some(({ codec }) => codec === 'hevc'));
    const claims = await claimsBetween(site.database.pool, sizeId, 0, Date.now());
    const changed = claims.find(({ reason }) => reason === 'bad-stream');
    expect(changed?.evidence.lastError).toBe('The camera changed its parameter sets (size or profile).');
  }),
);

test.concurrent(
  'another maker of cameras: gst-rtsp-server, H.264 and H.265, with logins',
  onStage(async ({ site }) => {
    const recorder = await site.start('a');
    await Promise.all(
      (['h264', 'hevc'] as const).map(async (codec) => {
        const gst = await startGstCamera({ codec, login: { user: 'u', password: 'p@ss', scheme: 'digest' } });
        const cameraId = await site.addCamera(gst.url);
        const recording = await recorder.ensure(cameraId, null);
        await waitFor(`${codec}: segments`, async () => (await site.segments(cameraId)).length >= 3);
        await recording.stop('unwanted');
        await waitFor(`${codec}: backlog`, async () => recorder.stats().backlog.files === 0);
        const rows = await site.segments(cameraId);
        rows.slice(1).forEach((row, i) => expect(row.startMs, codec).toBe(rows[i]?.endMs));
        const report = followFrames(await readFrameCounters(await site.download(cameraId)), gst.frames);
        expect(report, codec).toMatchObject({ missing: [], duplicated: [], reordered: [] });
        await gst.close();
      }),
    );
  }),
  90_000,
);

// Alone: it sets the clock of this process.
test(
  'a host clock that was ahead and is set right: a break is as long in the archive as it was',
  onStage(async ({ site, camera }) => {
    const hostNow = Date.now;
    let aheadMs = 10_000;
    Date.now = () => hostNow() + aheadMs;
    onTestFinished(() => {
      Date.now = hostNow;
    });
    const recorder = await site.start('a');
    const cameraId = await site.addCamera(camera.url());
    await recorder.ensure(cameraId, null);
    await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
    aheadMs = 0;
    const { length } = await site.segments(cameraId);
    await waitFor('footage goes on', async () => (await site.segments(cameraId)).length >= length + 2);
    const beginnings = async () => (await site.segments(cameraId)).filter((row) => row.anchor);
    const begun = (await beginnings()).length; // more than one where the machine is busy
    camera.refuse();
    camera.dropAll('rst');
    const brokenMs = performance.now();
    await waitFor('refused', async () => (await site.state(cameraId)).status_reason === 'refused');
    await sleep(3000);
    await camera.listen();
    const wasAwayMs = performance.now() - brokenMs;
    const again = await waitFor('footage again', async () => (await beginnings())[begun]);
    await recorder.get(cameraId)?.stop('unwanted');
    await waitFor('all told', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);
    const before = (await site.segments(cameraId)).findLast((row) => row.startMs < again.startMs);
    const hole = { startMs: before?.endMs ?? 0, endMs: again.startMs };
    expect(hole.endMs - hole.startMs).toBeGreaterThan(wasAwayMs - 1000);
    const claims = await claimsBetween(site.database.pool, cameraId, hole.startMs, hole.endMs);
    expect(explainHoles([hole], claims, hole.endMs + 1).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^(closed|refused)$/),
    ]);
  }),
);
