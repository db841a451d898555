import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { readFrameCounters } from '../support/frame-counter.ts';
import { startRecording, type Recording, type RecordingOptions } from '../support/camera/recording.ts';
import {
  startCamera,
  type CameraOptions,
  type Fault,
  type StreamOptions,
  type SentFrame,
  type SimulatedCamera,
} from '../support/camera/start-camera.ts';
import { startGstCamera } from '../support/gst-camera.ts';

/** Undoes what a test started; tests of this file run side by side, so each has its own. */
interface Test {
  onTestFinished: TestContext['onTestFinished'];
}

function recordingOf(test: Test, options: RecordingOptions): Recording {
  const recording = startRecording(options);
  test.onTestFinished(() => recording.remove());
  return recording;
}

async function cameraOf(test: Test, options: CameraOptions): Promise<SimulatedCamera> {
  const camera = await startCamera(options);
  test.onTestFinished(() => camera.close());
  return camera;
}

/** Waits until this many pictures were sent, or the recording has ended before. */
async function sentFrames(camera: SimulatedCamera, count: number, recording: Recording): Promise<void> {
  let ended = false;
  void recording.ended.then(() => (ended = true));
  while (camera.framesSent().length < count && !ended) await wait(20);
}

/** B-frames are sent after pictures that are shown later; up to two are displaced. */
function displayed(sent: SentFrame[]): number[] {
  const shown: SentFrame[] = [];
  for (const frame of sent) {
    let place = shown.length;
    while (place > shown.length - 3 && (shown[place - 1]?.index ?? 0) > frame.index && !frame.key) place -= 1;
    shown.splice(place, 0, frame);
  }
  return shown.map((frame) => frame.counter);
}

/** Records this many pictures with the recorder's flags, ends by EOF; every picture sent must be in the files. */
async function expectEveryFrame(
  test: Test,
  options: CameraOptions,
  recording: Partial<RecordingOptions> = {},
  frames = 60,
): Promise<SimulatedCamera> {
  const camera = await cameraOf(test, options);
  const running = recordingOf(test, { url: camera.url(undefined, options.login), ...recording });
  await sentFrames(camera, frames, running);
  camera.dropAll('eof');
  const { code, files } = await running.ended;
  expect(code).toBe(0);
  expect(await readFrameCounters(files)).toEqual(displayed(camera.framesSent()));
  return camera;
}

describe.concurrent("the recorder's ffmpeg gets every picture of", () => {
  it.for([
    ['H.264', {}],
    ['H.264 in several slices', { slices: 4 }],
    ['H.264 with B-frames', { bFrames: 2 }],
    ['H.264 with GOPs of 10 s', { gopSeconds: 10 }],
    ['H.264 at 30 fps and 1080p', { width: 1920, height: 1080, fps: 30, bitrateKbps: 4000, frames: 150 }],
  ] as [string, StreamOptions][])('%s', async ([, stream], test) => {
    await expectEveryFrame(test, { streams: { '/stream': stream }, clock: 'per-client' });
  });

  it('H.265', async (test) => {
    await expectEveryFrame(test, { streams: { '/stream': { codec: 'hevc', frames: 300 } } }, { codec: 'hevc' });
  });

  it('a loop that starts again', async (test) => {
    const camera = await expectEveryFrame(test, { streams: { '/stream': { frames: 30 } } }, {}, 75);
    expect(camera.framesSent().at(-1)?.index).toBeGreaterThanOrEqual(74);
  });

  it.for([
    ['PCMU beside it, left out', 'pcmu', { audio: 'none' }],
    ['PCMU beside it, encoded', 'pcmu', { audio: 'aac', audioCodec: 'pcm_mulaw' }],
    ['PCMA beside it, encoded', 'pcma', { audio: 'aac', audioCodec: 'pcm_alaw' }],
    ['AAC beside it, copied', 'aac', { audio: 'aac', audioCodec: 'aac' }],
  ] as const)('H.264 with %s', async ([, audio, recording], test) => {
    await expectEveryFrame(test, { streams: { '/stream': { audio } } }, recording);
  });

  it.for([
    ['jitter of 60 ms', { jitterMs: 60 }],
    ['bursts', { burstEveryMs: 700 }],
    ['a clock that jumps an hour ahead', { clockJumpAfterMs: 2000, clockJumpMs: 3_600_000 }],
    ['a clock that jumps an hour back', { clockJumpAfterMs: 2000, clockJumpMs: -3_600_000 }],
    ['100 Mbit/s', { padToKbps: 100_000 }],
  ] as [string, Fault][])('a camera with %s', async ([, fault], test) => {
    await expectEveryFrame(test, { faults: { '*': fault } });
  });

  it.for([
    ['Basic', 'basic'],
    ['Digest', 'digest'],
  ] as const)('a camera with a %s login', async ([, scheme], test) => {
    const camera = await expectEveryFrame(test, { login: { user: 'viewer', password: 'a b:c@d', scheme } });
    expect(camera.refusedLogins()).toBe(0);
  });

  it('a camera that calls the nonce stale at the first keep-alive', async (test) => {
    const login = { user: 'viewer', password: 'right', scheme: 'digest' } as const;
    const faults = { '*': { staleNonce: true } };
    const camera = await expectEveryFrame(test, { login, faults, sessionTimeoutSeconds: 2 });
    expect(camera.refusedLogins()).toBe(0);
    expect(camera.requests().filter(({ method }) => method === 'GET_PARAMETER').length).toBeGreaterThan(1);
  });

  it('a camera that ends sessions without keep-alive, and knows OPTIONS only', async (test) => {
    const publicMethods = 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN';
    await expectEveryFrame(test, { sessionTimeoutSeconds: 2, publicMethods }, {}, 75);
  });

  it('a camera that redirects to another', async (test) => {
    const target = await cameraOf(test, {});
    const camera = await cameraOf(test, { faults: { '*': { redirectTo: target.url() } } });
    const running = recordingOf(test, { url: camera.url() });
    await sentFrames(target, 30, running);
    target.dropAll('eof');
    const { code, files } = await running.ended;
    expect(code).toBe(0);
    expect(await readFrameCounters(files)).toEqual(displayed(target.framesSent()));
  });

  it('a stream that becomes larger', async (test) => {
    const changeTo = { width: 640, height: 360, frames: 150 };
    const camera = await expectEveryFrame(test, { faults: { '*': { changeTo, changeAfterMs: 1500 } } });
    expect(camera.loop().frames).toBe(150);
  });
});

it.concurrent('a throttled camera sends fewer pictures, in whole runs from key pictures on', async (test) => {
  const camera = await expectEveryFrame(test, { faults: { '*': { maxBytesPerSecond: 20_000 } } }, {}, 20);
  const sent = camera.framesSent();
  expect(sent.at(-1)?.index).toBeGreaterThan((sent[0]?.index ?? 0) + sent.length);
  sent.forEach((frame, place) => {
    const before = sent[place - 1];
    expect(frame.key || frame.index === (before?.index ?? NaN) + 1).toBe(true);
  });
});

it.concurrent('nonsense between packets costs pictures, of which ffmpeg says nothing and exits with 0', async (test) => {
  const camera = await cameraOf(test, { faults: { '*': { garbageEveryMs: 700 } } });
  const running = recordingOf(test, { url: camera.url() });
  await sentFrames(camera, 75, running);
  camera.dropAll('eof');
  const { code, complaints, files } = await running.ended;
  expect(code).toBe(0);
  expect(complaints.join('\n')).not.toContain('[error]');
  const counters = await readFrameCounters(files);
  expect(counters.length).toBeGreaterThan(0);
  expect(counters.length).toBeLessThan(camera.framesSent().length);
});

it.concurrent('a codec change ends the use of a recording: ffmpeg gets no H.264 any more', async (test) => {
  const changeTo = { codec: 'hevc', frames: 300 } as const;
  const camera = await cameraOf(test, { faults: { '*': { changeTo, changeAfterMs: 1500 } } });
  const running = recordingOf(test, { url: camera.url() });
  await sentFrames(camera, 60, running);
  camera.dropAll('eof');
  const { files } = await running.ended;
  await expect(readFrameCounters(files)).rejects.toThrow(/does not decode|no frame counter/);
});

it.concurrent('with one clock, two clients get one stream', async (test) => {
  const camera = await cameraOf(test, {});
  const first = recordingOf(test, { url: camera.url() });
  await sentFrames(camera, 20, first);
  const second = recordingOf(test, { url: camera.url() });
  await sentFrames(camera, 100, second);
  camera.dropAll('eof');
  const [early, late] = await Promise.all([first.ended, second.ended]);
  const [earlyCounters, lateCounters] = [await readFrameCounters(early.files), await readFrameCounters(late.files)];
  expect(earlyCounters.slice(-lateCounters.length)).toEqual(lateCounters);
  expect(lateCounters.length).toBeLessThan(earlyCounters.length);
  const timestamps = new Map(camera.framesSent().map((frame) => [frame.index, frame.timestamp]));
  for (const frame of camera.framesSent()) expect(frame.timestamp).toBe(timestamps.get(frame.index));
});

describe.concurrent("Debian's gst-rtsp-server", () => {
  it.for([
    ['h264', undefined],
    ['hevc', undefined],
    ['h264', 'basic'],
    ['hevc', 'digest'],
  ] as const)('%s, login %s: every picture', async ([codec, scheme], test) => {
    const login = scheme === undefined ? {} : { login: { user: 'viewer', password: 'a b:c@d', scheme } };
    const camera = await startGstCamera({ codec, ...login });
    test.onTestFinished(() => camera.close());
    const running = recordingOf(test, { url: camera.url, codec });
    await wait(5000);
    running.stop();
    const { code, files } = await running.ended;
    expect(code).toBe(255);
    const counters = await readFrameCounters(files);
    expect(counters.length).toBeGreaterThan(30);
    expect(counters).toEqual(counters.map((_, place) => (counters[0] ?? 0) + place));
  });
});
