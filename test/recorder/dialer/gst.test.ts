import { describe, expect, it, onTestFinished } from 'vitest';
import { startGstCamera } from '../../support/gst-camera.ts';
import { dial, runFfmpeg } from './dialing.ts';

const login = { user: 'admin', password: 'p@ss w"rd' };

describe('gst-rtsp-server through the dialer', () => {
  it.each([
    ['h264', undefined],
    ['hevc', undefined],
    ['h264', 'basic'],
    ['h264', 'digest'],
  ] as const)('%s, login %s', async (codec, scheme) => {
    const camera = await startGstCamera({ codec, ...(scheme === undefined ? {} : { login: { ...login, scheme } }) });
    onTestFinished(() => camera.close());
    const dialer = await dial(camera.url);
    const { code, pictures, stderr } = await runFfmpeg(dialer.url, { seconds: 2 });
    expect(code, stderr).toBe(0);
    expect(pictures).toBeGreaterThan(20);
    expect(dialer.description()).toEqual({ video: codec, audio: null });
    expect(dialer.failure()).toBeNull();
  });

  it('a wrong password is auth', async () => {
    const camera = await startGstCamera({ login: { user: 'admin', password: 'right', scheme: 'digest' } });
    onTestFinished(() => camera.close());
    const dialer = await dial(camera.url.replace('right', 'wrong'));
    await runFfmpeg(dialer.url);
    expect(dialer.failure()?.reason).toBe('auth');
  });
});
