import { describe, expect, it } from 'vitest';
import { dialingFor, expectFailure, until } from './dialing.ts';

const right = { user: 'admin', password: 'p@ss:w/"rd' };
const wrong = { user: 'admin', password: 'not-the-password' };

// Side by side, for most of it is waiting for streams.
describe.concurrent('ffmpeg through the dialer', () => {
  it.for([
    ['h264', 'h264'],
    ['hevc', 'hevc'],
  ] as const)('copies a %s stream', async ([codec, named], { onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ streams: { '/stream': { codec } } });
    const dialer = await on.dial(simulated.url());
    const beforeMs = Date.now();
    const { code, pictures } = await on.runFfmpeg(dialer.url, { seconds: 2 });
    expect(code).toBe(0);
    expect(pictures).toBeGreaterThanOrEqual(2 * simulated.loop().fps - 1);
    expect(dialer.failure()).toBeNull();
    expect(dialer.description()).toEqual({ video: named, audio: null });
    expect(dialer.firstMediaMs()).toBeGreaterThanOrEqual(beforeMs);
    expect(dialer.firstMediaMs()).toBeLessThanOrEqual(Date.now());
    expect(dialer.bytes()).toBeGreaterThan(1000);
    expect(dialer.lastByteAgoMs()).toBeGreaterThanOrEqual(0);
  });

  it('names the audio that goes with the video', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ streams: { '/stream': { audio: 'pcmu' } } });
    const dialer = await on.dial(simulated.url());
    expect(await on.runFfmpeg(dialer.url, { seconds: 1 })).toMatchObject({ code: 0 });
    expect(dialer.description()).toEqual({ video: 'h264', audio: 'pcm_mulaw' });
  });

  it.for(['basic', 'digest'] as const)(
    'answers a %s login, which ffmpeg never sees',
    async (scheme, { onTestFinished }) => {
      const on = dialingFor(onTestFinished);
      const simulated = await on.camera({ login: { ...right, scheme } });
      const dialer = await on.dial(simulated.url(undefined, right));
      const { code, pictures, stderr } = await on.runFfmpeg(dialer.url, { seconds: 1, extra: ['-loglevel', 'trace'] });
      expect(code).toBe(0);
      expect(pictures).toBeGreaterThan(5);
      expect(stderr).not.toContain('Authorization');
      expect(stderr).not.toContain('WWW-Authenticate');
      expect(stderr).not.toContain(`:${simulated.port}`);
      expect(simulated.refusedLogins()).toBe(0);
      await until(() => simulated.requests().at(-1)?.method === 'TEARDOWN'); // may come after ffmpeg's end
      // The first challenge costs one request; after it each request carries its answer.
      expect(simulated.requests().map(({ method }) => method)).toEqual([
        'OPTIONS',
        'DESCRIBE',
        'DESCRIBE',
        'SETUP',
        'PLAY',
        'TEARDOWN',
      ]);
    },
  );

  it('survives a nonce that goes stale at a keep-alive', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({
      login: { ...right, scheme: 'digest' },
      faults: { '/stream': { staleNonce: true } },
      sessionTimeoutSeconds: 2,
    });
    const dialer = await on.dial(simulated.url(undefined, right));
    const { code, pictures } = await on.runFfmpeg(dialer.url, { seconds: 5 });
    const keepAlives = simulated.requests().filter(({ method }) => method === 'GET_PARAMETER');
    expect(keepAlives.length).toBeGreaterThanOrEqual(2);
    expect(code).toBe(0);
    expect(pictures).toBeGreaterThanOrEqual(5 * simulated.loop().fps - 1);
    expect(dialer.failure()).toBeNull();
    expect(simulated.refusedLogins()).toBeLessThanOrEqual(1);
  });

  it.for(['basic', 'digest'] as const)('tries a wrong %s password once', async (scheme, { onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ login: { ...right, scheme } });
    const dialer = await on.dial(simulated.url(undefined, wrong));
    const { code, stderr } = await on.runFfmpeg(dialer.url);
    expect(code).toBe(1);
    expect(stderr).toContain('401 Unauthorized');
    expect(dialer.failure()?.reason).toBe('auth');
    expect(dialer.failure()?.detail).toMatch(/too many connections/);
    expect(JSON.stringify(dialer.failure())).not.toContain(wrong.password);
    expect(simulated.refusedLogins()).toBe(1);
  });

  it('says that a login is missing', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ login: { ...right, scheme: 'digest' } });
    const dialer = await on.dial(simulated.url());
    await on.runFfmpeg(dialer.url);
    expectFailure(dialer, 'auth', /has none/);
  });

  it('refuses a redirect, so that no other host is contacted', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const other = await on.camera();
    const simulated = await on.camera({ faults: { '/stream': { redirectTo: other.url() } } });
    const dialer = await on.dial(simulated.url());
    const { code, stderr } = await on.runFfmpeg(dialer.url);
    expect(code).toBe(1);
    expect(stderr).not.toContain(String(other.port));
    expect(dialer.failure()?.reason).toBe('bad-stream');
    expect(dialer.failure()?.detail).toMatch(/redirect/);
    expect(other.accepted()).toBe(0);
  });

  it('frees the session of the camera when ffmpeg is gone without a word', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera();
    const dialer = await on.dial(simulated.url());
    const run = on.runFfmpeg(dialer.url, { seconds: 60 });
    await until(() => dialer.firstMediaMs() !== null);
    await dialer.close();
    await run;
    await until(() => simulated.connections().length === 0);
    expect(simulated.requests().map(({ method }) => method)).toContain('TEARDOWN');
    expect(dialer.failure()).toBeNull();
  });

  it('takes junk out of a running stream without losing a picture', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ faults: { '/stream': { garbageEveryMs: 300 } } });
    const dialer = await on.dial(simulated.url());
    const { code, pictures, stderr } = await on.runFfmpeg(dialer.url, { seconds: 3, extra: ['-loglevel', 'warning'] });
    expect(code).toBe(0);
    expect(pictures).toBeGreaterThanOrEqual(3 * simulated.loop().fps - 1);
    expect(stderr).not.toMatch(/missed|corrupt|error/i);
    expect(dialer.failure()).toBeNull();
  });

  it('keeps a stream within its bandwidth without losing a picture', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ faults: { '/stream': { padToKbps: 4000 } } });
    const dialer = await on.dial(simulated.url(), { maxBytesPerSecond: 100_000, stallMs: 3000 });
    const run = on.runFfmpeg(dialer.url, { seconds: 60 });
    await until(() => dialer.firstMediaMs() !== null);
    const startMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const seconds = (performance.now() - startMs) / 1000;
    // 2 s of burst, and one read more.
    expect(dialer.bytes()).toBeLessThan(100_000 * (seconds + 2) + 65_536 + 10_000);
    expect(dialer.failure()).toBeNull();
    await dialer.close();
    await run;
  });
});

describe.concurrent('what ended ffmpeg', () => {
  it.for([
    [{ status: { DESCRIBE: 401 } }, 'auth'],
    [{ status: { DESCRIBE: 403 } }, 'auth'],
    [{ status: { DESCRIBE: 404 } }, 'not-found'],
    [{ status: { DESCRIBE: 453 } }, 'camera-busy'],
    [{ status: { SETUP: 453 } }, 'camera-busy'],
    [{ status: { PLAY: 453 } }, 'camera-busy'],
    [{ status: { DESCRIBE: 400 } }, 'bad-stream'],
    [{ status: { PLAY: 454 } }, 'bad-stream'],
    [{ status: { SETUP: 461 } }, 'bad-stream'],
    [{ status: { OPTIONS: 500 } }, 'bad-stream'],
    [{ status: { DESCRIBE: 503 } }, 'bad-stream'],
    [{ answer: 'http' }, 'bad-stream'],
    [{ answer: 'garbage' }, 'bad-stream'],
    [{ closeAt: 'request' }, 'closed'],
    [{ silent: true }, 'no-media'],
    [{ noMedia: true }, 'no-media'],
    [{ stallAfterMs: 500 }, 'stalled'],
    [{ endAfterMs: 500, endBy: 'eof' }, 'closed'],
    [{ endAfterMs: 500, endBy: 'rst' }, 'closed'],
  ] as const)('%j is %s', async ([fault, reason], { onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ faults: { '/stream': fault } });
    const dialer = await on.dial(simulated.url(undefined, { user: 'bob', password: 'hunter2' }), { stallMs: 1000 });
    await on.runFfmpeg(dialer.url, { seconds: 30 });
    expect(dialer.failure()?.reason).toBe(reason);
    expect(dialer.failure()?.detail).toMatch(/^The camera .*\.$/);
    expect(dialer.failure()?.detail).not.toMatch(/bob|hunter2|\/stream/);
  });

  it.for([
    [{ silent: true }, 'no-media'],
    [{ noMedia: true }, 'no-media'],
    [{ stallAfterMs: 500 }, 'stalled'],
  ] as const)('%j is %s also when ffmpeg gives up first', async ([fault, reason], { onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ faults: { '/stream': fault } });
    const dialer = await on.dial(simulated.url());
    await on.runFfmpeg(dialer.url, { seconds: 30, timeoutMs: 2500 });
    expect(dialer.failure()?.reason).toBe(reason);
  });

  it('a camera that drops all new connections is closed', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ faults: { '*': { closeAt: 'accept' } } });
    const dialer = await on.dial(simulated.url());
    await on.runFfmpeg(dialer.url);
    expect(dialer.failure()?.reason).toBe('closed');
  });

  it('a camera that is full is camera-busy', async ({ onTestFinished }) => {
    const on = dialingFor(onTestFinished);
    const simulated = await on.camera({ maxClients: 1 });
    const first = await on.dial(simulated.url());
    const run = on.runFfmpeg(first.url, { seconds: 60 });
    await until(() => first.firstMediaMs() !== null);
    const second = await on.dial(simulated.url());
    await on.runFfmpeg(second.url);
    expect(second.failure()?.reason).toBe('camera-busy');
    expect(first.failure()).toBeNull();
    await first.close();
    await run;
  });
});
