import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { readFrameCounters } from '../support/frame-counter.ts';
import { startRecording, type Recording, type RecordingOptions } from '../support/camera/recording.ts';
import {
  startCamera,
  type CameraOptions,
  type SentFrame,
  type SimulatedCamera,
} from '../support/camera/start-camera.ts';
import { startGstCamera, type GstCamera } from '../support/gst-camera.ts';

const cameras: (SimulatedCamera | GstCamera)[] = [];
const recordings: Recording[] = [];

afterEach(async () => {
  for (const recording of recordings.splice(0)) recording.remove();
  for (const camera of cameras.splice(0)) await camera.close();
});

function recordingOf(options: RecordingOptions): Recording {
  const recording = startRecording(options);
  recordings.push(recording);
  return recording;
}

async function cameraOf(options: CameraOptions): Promise<SimulatedCamera> {
  const camera = await startCamera(options);
  cameras.push(camera);
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
  options: CameraOptions,
  recording: Partial<RecordingOptions> = {},
  frames = 60,
): Promise<SimulatedCamera> {
  const camera = await cameraOf(options);
  const running = recordingOf({ url: camera.url(undefined, options.login), ...recording });
  await sentFrames(camera, frames, running);
  camera.dropAll('eof');
  const { code, files } = await running.ended;
  expect(code).toBe(0);
  expect(await readFrameCounters(files)).toEqual(displayed(camera.framesSent()));
  return camera;
}

describe("the recorder's ffmpeg gets every picture of", () => {
  it.each([
    ['H.264', {}],
    ['H.264 in several slices', { slices: 4 }],
    ['H.264 with B-frames', { bFrames: 2 }],
    ['H.264 with GOPs of 10 s', { gopSeconds: 10 }],
    ['H.264 at 30 fps and 1080p', { width: 1920, height: 1080, fps: 30, bitrateKbps: 4000, frames: 150 }],
  ])('%s', async (_, stream) => {
    await expectEveryFrame({ streams: { '/stream': stream }, clock: 'per-client' });
  });

  it('H.265', async () => {
    await expectEveryFrame({ streams: { '/stream': { codec: 'hevc', frames: 300 } } }, { codec: 'hevc' });
  });

  it('a loop that starts again', async () => {
    const camera = await expectEveryFrame({ streams: { '/stream': { frames: 30 } } }, {}, 75);
    expect(camera.framesSent().at(-1)?.index).toBeGreaterThanOrEqual(74);
  });

  it.each([
    ['PCMU beside it, left out', 'pcmu', { audio: 'none' }],
    ['PCMU beside it, encoded', 'pcmu', { audio: 'aac', audioCodec: 'pcm_mulaw' }],
    ['PCMA beside it, encoded', 'pcma', { audio: 'aac', audioCodec: 'pcm_alaw' }],
    ['AAC beside it, copied', 'aac', { audio: 'aac', audioCodec: 'aac' }],
  ] as const)('H.264 with %s', async (_, audio, recording) => {
    await expectEveryFrame({ streams: { '/stream': { audio } } }, recording);
  });

  it.each([
    ['jitter of 60 ms', { jitterMs: 60 }],
    ['bursts', { burstEveryMs: 700 }],
    ['a clock that jumps an hour ahead', { clockJumpAfterMs: 2000, clockJumpMs: 3_600_000 }],
    ['a clock that jumps an hour back', { clockJumpAfterMs: 2000, clockJumpMs: -3_600_000 }],
    ['100 Mbit/s', { padToKbps: 100_000 }],
  ])('a camera with %s', async (_, fault) => {
    await expectEveryFrame({ faults: { '*': fault } });
  });

  it.each([
    ['Basic', 'basic'],
    ['Digest', 'digest'],
  ] as const)('a camera with a %s login', async (_, scheme) => {
    const camera = await expectEveryFrame({ login: { user: 'viewer', password: 'a b:c@d', scheme } });
    expect(camera.refusedLogins()).toBe(0);
  });

  it('a camera that calls the nonce stale at the first keep-alive', async () => {
    const login = { user: 'viewer', password: 'right', scheme: 'digest' } as const;
    const faults = { '*': { staleNonce: true } };
    const camera = await expectEveryFrame({ login, faults, sessionTimeoutSeconds: 2 });
    expect(camera.refusedLogins()).toBe(0);
    expect(camera.requests().filter(({ method }) => method === 'GET_PARAMETER').length).toBeGreaterThan(1);
  });

  it('a camera that ends sessions without keep-alive, and knows OPTIONS only', async () => {
    const publicMethods = 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN';
    await expectEveryFrame({ sessionTimeoutSeconds: 2, publicMethods }, {}, 75);
  });

  it('a camera that redirects to another', async () => {
    const target = await cameraOf({});
    const camera = await cameraOf({ faults: { '*': { redirectTo: target.url() } } });
    const running = recordingOf({ url: camera.url() });
    await sentFrames(target, 30, running);
    target.dropAll('eof');
    const { code, files } = await running.ended;
    expect(code).toBe(0);
    expect(await readFrameCounters(files)).toEqual(displayed(target.framesSent()));
  });

  it('a stream that becomes larger', async () => {
    const changeTo = { width: 640, height: 360, frames: 150 };
    const camera = await expectEveryFrame({ faults: { '*': { changeTo, changeAfterMs: 1500 } } });
    expect(camera.loop().frames).toBe(150);
  });
});

it('a throttled camera sends fewer pictures, in whole runs from key pictures on', async () => {
  const camera = await expectEveryFrame({ faults: { '*': { maxBytesPerSecond: 20_000 } } }, {}, 20);
  const sent = camera.framesSent();
  expect(sent.at(-1)?.index).toBeGreaterThan((sent[0]?.index ?? 0) + sent.length);
  sent.forEach((frame, place) => {
    const before = sent[place - 1];
    expect(frame.key || frame.index === (before?.index ?? NaN) + 1).toBe(true);
  });
});

it('a codec change ends the use of a recording: ffmpeg gets no H.264 any more', async () => {
  const changeTo = { codec: 'hevc', frames: 300 } as const;
  const camera = await cameraOf({ faults: { '*': { changeTo, changeAfterMs: 1500 } } });
  const running = recordingOf({ url: camera.url() });
  await sentFrames(camera, 60, running);
  camera.dropAll('eof');
  const { files } = await running.ended;
  await expect(readFrameCounters(files)).rejects.toThrow(/does not decode|no frame counter/);
});

it('with one clock, two clients get one stream', async () => {
  const camera = await cameraOf({});
  const first = recordingOf({ url: camera.url() });
  await sentFrames(camera, 20, first);
  const second = recordingOf({ url: camera.url() });
  await sentFrames(camera, 100, second);
  camera.dropAll('eof');
  const [early, late] = await Promise.all([first.ended, second.ended]);
  const [earlyCounters, lateCounters] = [await readFrameCounters(early.files), await readFrameCounters(late.files)];
  expect(earlyCounters.slice(-lateCounters.length)).toEqual(lateCounters);
  expect(lateCounters.length).toBeLessThan(earlyCounters.length);
  const timestamps = new Map(camera.framesSent().map((frame) => [frame.index, frame.timestamp]));
  for (const frame of camera.framesSent()) expect(frame.timestamp).toBe(timestamps.get(frame.index));
});

describe("Debian's gst-rtsp-server", () => {
  it.each([
    ['h264', undefined],
    ['hevc', undefined],
    ['h264', 'basic'],
    ['hevc', 'digest'],
  ] as const)('%s, login %s: every picture', async (codec, scheme) => {
    const login = scheme === undefined ? {} : { login: { user: 'viewer', password: 'a b:c@d', scheme } };
    const camera = await startGstCamera({ codec, ...login });
    cameras.push(camera);
    const running = recordingOf({ url: camera.url, codec });
    await wait(5000);
    running.stop();
    const { code, files } = await running.ended;
    expect(code).toBe(255);
    const counters = await readFrameCounters(files);
    expect(counters.length).toBeGreaterThan(30);
    expect(counters).toEqual(counters.map((_, place) => (counters[0] ?? 0) + place));
  });
});
