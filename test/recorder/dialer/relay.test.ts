import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { agree, client, dial, scriptedCamera, until, type Got } from './dialing.ts';

describe('media', () => {
  const frame = (channel: number, bytes: number): Buffer =>
    Buffer.concat([Buffer.from([0x24, channel, bytes >> 8, bytes & 0xff]), Buffer.alloc(bytes, channel)]);

  async function playing(): Promise<{
    camera: Socket;
    dialer: Awaited<ReturnType<typeof dial>>;
    ffmpeg: Awaited<ReturnType<typeof client>>;
    got: Got[];
  }> {
    let port = 0;
    let socket: Socket | null = null;
    const camera = await scriptedCamera((got, from) => {
      socket = from;
      return agree(got, port);
    });
    ({ port } = camera);
    const dialer = await dial(camera.url);
    const ffmpeg = await client(dialer.url);
    const uris = [...(await ffmpeg.ask('DESCRIBE')).matchAll(/a=control:(\S+)/g)].map(([, uri]) => uri);
    await ffmpeg.ask('SETUP', uris[1]);
    await ffmpeg.ask('PLAY', uris[0]);
    if (socket === null) throw new Error('no connection');
    return { camera: socket, dialer, ffmpeg, got: camera.got };
  }

  it('begins with the first packet on the channel that SETUP gave the video', async () => {
    const { camera, dialer, ffmpeg } = await playing();
    const before = ffmpeg.received().length;
    camera.write(Buffer.concat([frame(5, 20), frame(0, 20)]));
    await until(() => ffmpeg.received().length === before + 48);
    expect(dialer.firstMediaMs()).toBeNull();
    camera.write(frame(4, 1000));
    await until(() => ffmpeg.received().length === before + 48 + 1004);
    expect(dialer.firstMediaMs()).toBeGreaterThan(Date.now() - 10_000);
    expect(ffmpeg.received().subarray(before)).toEqual(Buffer.concat([frame(5, 20), frame(0, 20), frame(4, 1000)]));
  });

  it('is held back, in bounded memory, when ffmpeg does not read, which is no stall', async () => {
    const { camera, dialer, ffmpeg } = await playing();
    const sent = createHash('sha256');
    const received = createHash('sha256');
    let receivedBytes = 0;
    ffmpeg.socket.on('data', (bytes: Buffer) => {
      received.update(bytes);
      receivedBytes += bytes.length;
    });
    ffmpeg.socket.pause();
    let written = 0;
    // Kernel buffers take some megabytes; the dialer itself next to nothing.
    while (written < 100_000_000 && camera.writableLength < 20_000_000) {
      const block = Buffer.concat(Array.from({ length: 20 }, () => frame(4, 60_000)));
      // No kilobyte is like another.
      for (let at = 100; at < block.length; at += 60_004) block.fill(String(written + at), at, at + 50_000);
      sent.update(block);
      camera.write(block);
      written += block.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    let held = dialer.bytes();
    for (let before = -1; before !== held; held = dialer.bytes()) {
      before = held;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(held).toBeLessThan(written / 2);
    expect(dialer.failure()).toBeNull();
    ffmpeg.socket.resume();
    await until(() => receivedBytes >= written);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    expect(dialer.failure()).toBeNull();
  });

  it('reports of ffmpeg reach the camera whole', async () => {
    const { camera, ffmpeg } = await playing();
    const before = camera.bytesRead;
    const report = frame(5, 32);
    ffmpeg.socket.write(report.subarray(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(camera.bytesRead).toBe(before);
    ffmpeg.socket.write(report.subarray(10));
    await until(() => camera.bytesRead === before + report.length);
  });
});
