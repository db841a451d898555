import { describe, expect, it, type TestContext } from 'vitest';
import { readFrameCounters } from '../support/frame-counter.ts';
import { startCamera, type CameraOptions, type Fault, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { startRecording, type RecordingEnd } from '../support/camera/recording.ts';

interface Test {
  onTestFinished: TestContext['onTestFinished'];
}

/** The recorder's ffmpeg against a camera, until it ends by itself. */
async function record(
  test: Test,
  options: CameraOptions,
  login?: { user: string; password: string },
): Promise<RecordingEnd & { camera: SimulatedCamera }> {
  const camera = await startCamera(options);
  test.onTestFinished(() => camera.close());
  const recording = startRecording({ url: camera.url(undefined, login) });
  test.onTestFinished(() => recording.remove());
  return { ...(await recording.ended), camera };
}

const withFault = (test: Test, fault: Fault): Promise<RecordingEnd> => record(test, { faults: { '*': fault } });

describe.concurrent('what ffmpeg says of a camera that does not let it in', () => {
  it.for([
    [400, ['Server returned 400 Bad Request']],
    [403, ['method DESCRIBE failed: 403 Forbidden', 'Server returned 403 Forbidden (access denied)']],
    [404, ['method DESCRIBE failed: 404 Not Found', 'Server returned 404 Not Found']],
    [
      453,
      [
        'method DESCRIBE failed: 453 Not Enough Bandwidth',
        'Server returned 4XX Client Error, but not one of 40{0,1,3,4}',
      ],
    ],
    [
      454,
      ['method DESCRIBE failed: 454 Session Not Found', 'Server returned 4XX Client Error, but not one of 40{0,1,3,4}'],
    ],
    [500, ['Server returned 5XX Server Error reply']],
    [503, ['Server returned 5XX Server Error reply']],
  ] as [number, string[]][])('status %i', async ([status, lines], test) => {
    const { code, complaints } = await withFault(test, { status: { DESCRIBE: status } });
    expect(code).toBe(1);
    for (const line of lines) expect(complaints.join('\n')).toContain(line);
  });

  it('461 at SETUP', async (test) => {
    const { code, complaints } = await withFault(test, { status: { SETUP: 461 } });
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('method SETUP failed: 461 Unsupported Transport');
    expect(complaints.join('\n')).toContain('Protocol not supported');
  });

  it('503 at PLAY', async (test) => {
    const { code, complaints } = await withFault(test, { status: { PLAY: 503 } });
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('Server returned 5XX Server Error reply');
  });

  it('a refused connection', async (test) => {
    const camera = await startCamera();
    await camera.close();
    const recording = startRecording({ url: camera.url() });
    test.onTestFinished(() => recording.remove());
    const { code, complaints } = await recording.ended;
    expect(code).toBe(1);
    expect(complaints.join('\n')).toMatch(/Connection to tcp:\/\/127\.0\.0\.1:\d+\S* failed: Connection refused/);
  });

  it.for([
    ['is silent', { silent: true }],
    ['closes at once', { closeAt: 'accept' }],
    ['closes at the first request', { closeAt: 'request' }],
    ['is a web server', { answer: 'http' }],
    ['answers nonsense', { answer: 'garbage' }],
  ] as [string, Fault][])('a camera that %s', async ([, fault], test) => {
    const { code, complaints } = await withFault(test, fault);
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('Invalid data found when processing input');
  });

  it('a camera that plays nothing', async (test) => {
    const { code, complaints } = await withFault(test, { noMedia: true });
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('Could not find codec parameters');
    expect(complaints.join('\n')).toContain('dimensions not set');
  });

  it('more clients than the camera takes', async (test) => {
    const { code, complaints } = await record(test, { maxClients: 0 });
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('method DESCRIBE failed: 453 Not Enough Bandwidth');
  });

  it.for(['basic', 'digest'] as const)('a wrong %s login, of which the camera counts one try', async (scheme, test) => {
    const login = { user: 'viewer', password: 'right', scheme };
    const { code, complaints, camera } = await record(test, { login }, { user: 'viewer', password: 'wrong' });
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('method DESCRIBE failed: 401 Unauthorized');
    expect(complaints.join('\n')).toContain('Server returned 401 Unauthorized (authorization failed)');
    expect(camera.refusedLogins()).toBe(1);
  });

  it('no login where one is needed', async (test) => {
    const { code, complaints, camera } = await record(test, {
      login: { user: 'viewer', password: 'right', scheme: 'digest' },
    });
    expect(code).toBe(1);
    expect(complaints.join('\n')).toContain('Server returned 401 Unauthorized (authorization failed)');
    expect(camera.refusedLogins()).toBe(0);
  });
});

describe.concurrent('what ffmpeg says of a camera that fails while it records', () => {
  it('a stall: "timed out", but exit code 0', async (test) => {
    const { code, complaints, files } = await withFault(test, { stallAfterMs: 2500 });
    expect(code).toBe(0);
    expect(complaints.join('\n')).toContain('Connection timed out');
    expect(files.length).toBeGreaterThan(0);
  });

  it.for(['eof', 'rst'] as const)('%s: nothing at all, exit code 0', async (endBy, test) => {
    const { code, complaints, files } = await withFault(test, { endAfterMs: 2500, endBy });
    expect(code).toBe(0);
    expect(complaints.filter((line) => !line.includes('No meaningful edit list'))).toEqual([]);
    expect(files.length).toBeGreaterThan(0);
  });

  it('a camera that never sends a key picture: a file without pictures, exit code 0', async (test) => {
    const { code, complaints, files } = await withFault(test, { neverKey: true, endAfterMs: 4000 });
    expect(code).toBe(0);
    expect(complaints.join('\n')).not.toContain('[error]');
    expect(files).toHaveLength(1);
    await expect(readFrameCounters(files)).rejects.toThrow('does not decode');
  });
});
