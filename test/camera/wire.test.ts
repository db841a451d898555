import { expect, it, onTestFinished } from 'vitest';
import { startCamera, type CameraOptions, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { connectRtsp, type Interleaved, type RtspClient } from './rtsp-client.ts';

async function cameraOf(options: CameraOptions): Promise<SimulatedCamera> {
  const camera = await startCamera(options);
  onTestFinished(() => camera.close());
  return camera;
}

/** A client that plays the camera's first stream, on channels 0 and 2. */
async function play(camera: SimulatedCamera, options: { audio: boolean } = { audio: false }): Promise<RtspClient> {
  const client = await connectRtsp(camera.port);
  onTestFinished(() => client.end());
  await client.request('DESCRIBE', camera.url());
  const tracks = options.audio ? [0, 1] : [0];
  for (const track of tracks) {
    const Transport = `RTP/AVP/TCP;unicast;interleaved=${2 * track}-${2 * track + 1}`;
    const { status } = await client.request('SETUP', `${camera.url()}/trackID=${track}`, { Transport });
    expect(status).toBe(200);
  }
  expect((await client.request('PLAY', camera.url())).status).toBe(200);
  return client;
}

const onChannel = (client: RtspClient, channel: number): Buffer[] =>
  client.packets().flatMap((packet: Interleaved) => (packet.channel === channel ? [packet.bytes] : []));

it('answers as RFC 2326 has it', async () => {
  const camera = await cameraOf({ streams: { '/live?channel=1': { audio: 'aac' } } });
  const client = await connectRtsp(camera.port);
  onTestFinished(() => client.end());
  const options = await client.request('OPTIONS', camera.url());
  expect(options).toMatchObject({ status: 200, headers: { cseq: '1' } });
  expect(options.headers['public']).toContain('GET_PARAMETER');
  const described = await client.request('DESCRIBE', camera.url());
  expect(described.headers).toMatchObject({ 'content-base': `${camera.url()}/`, 'content-type': 'application/sdp' });
  expect(described.body).toMatch(
    /a=fmtp:96 packetization-mode=1;profile-level-id=[0-9a-f]{6};sprop-parameter-sets=\S+,\S+/,
  );
  expect(described.body).toContain('a=rtpmap:97 MPEG4-GENERIC/16000/1');
  expect((await client.request('DESCRIBE', camera.url('/other'))).status).toBe(404);
  const udp = { Transport: 'RTP/AVP;unicast;client_port=5000-5001' };
  expect((await client.request('SETUP', `${camera.url()}/trackID=0`, udp)).status).toBe(461);
  expect((await client.request('PLAY', camera.url())).status).toBe(454);
  const tcp = { Transport: 'RTP/AVP/TCP;unicast;interleaved=4-5' };
  const set = await client.request('SETUP', `${camera.url()}/trackID=0`, tcp);
  expect(set.headers['transport']).toContain('interleaved=4-5');
  expect(set.headers['session']).toMatch(/^[0-9A-F]{8};timeout=60$/);
  expect((await client.request('SET_PARAMETER', camera.url())).status).toBe(200);
  expect((await client.request('RECORD', camera.url())).status).toBe(501);
  expect((await client.request('TEARDOWN', camera.url())).status).toBe(200);
  await client.closed;
});

it('sends RTP with a marker at the end of each picture, and sender reports', async () => {
  const camera = await cameraOf({ streams: { '/stream': { audio: 'pcmu', bitrateKbps: 2000 } } });
  const client = await play(camera, { audio: true });
  await client.received(200);
  const video = onChannel(client, 0);
  const first = video[0] ?? Buffer.alloc(12);
  video.forEach((packet, place) => {
    expect(packet.length).toBeLessThanOrEqual(12 + 1400);
    expect(packet.readUInt16BE(2)).toBe((first.readUInt16BE(2) + place) % 65_536);
    const next = video[place + 1];
    if (next === undefined) return;
    const step = (next.readUInt32BE(4) - packet.readUInt32BE(4) + 2 ** 32) % 2 ** 32;
    const marked = ((packet[1] ?? 0) & 0x80) !== 0;
    expect(step).toBe(marked ? 6000 : 0); // 90,000 ticks at 15 fps
  });
  const audio = onChannel(client, 2);
  expect(audio.length).toBeGreaterThan(0);
  expect(audio.every((packet) => packet.length === 12 + 160)).toBe(true);
  const report = onChannel(client, 1)[0] ?? Buffer.alloc(28);
  expect(report[1]).toBe(200);
  expect(report.readUInt32BE(4)).toBe(first.readUInt32BE(8));
  const reportedMs = (report.readUInt32BE(8) - 2_208_988_800) * 1000;
  expect(Math.abs(reportedMs - Date.now())).toBeLessThan(60_000);
});

it('hangs and goes on at a key picture; pictures in between are lost', async () => {
  const camera = await cameraOf({});
  const client = await play(camera);
  await client.received(20);
  camera.stall();
  const before = camera.framesSent().length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(camera.framesSent().length).toBe(before);
  camera.resume();
  await expect.poll(() => camera.framesSent().length).toBeGreaterThan(before);
  const [last, next] = camera.framesSent().slice(before - 1, before + 1);
  expect(next?.key).toBe(true);
  expect(next?.index).toBeGreaterThan((last?.index ?? 0) + 1);
});

it('refuses connections, and listens again on its port', async () => {
  const camera = await cameraOf({});
  const client = await play(camera);
  camera.refuse();
  await expect(connectRtsp(camera.port)).rejects.toThrow('ECONNREFUSED');
  await client.received(client.packets().length + 10); // those connected go on
  await camera.listen();
  await play(camera);
  expect(camera.connections().filter(({ playing }) => playing)).toHaveLength(2);
});

it.each(['eof', 'rst'] as const)('drops its clients by %s', async (by) => {
  const camera = await cameraOf({});
  const clients = [await play(camera), await play(camera)];
  expect(camera.dropAll(by)).toBe(2);
  await Promise.all(clients.map((client) => client.closed));
  await expect.poll(() => camera.connections()).toEqual([]);
});

it('ends a session without keep-alive, not one with it', async () => {
  const camera = await cameraOf({ sessionTimeoutSeconds: 1 });
  const [idle, alive] = [await play(camera), await play(camera)];
  const timer = setInterval(() => void alive.request('GET_PARAMETER', camera.url()), 300);
  onTestFinished(() => clearInterval(timer));
  await idle.closed;
  expect((await alive.request('OPTIONS', camera.url())).status).toBe(200);
});

it('drops a client that does not read', async () => {
  const camera = await cameraOf({ faults: { '*': { padToKbps: 200_000 } } });
  const client = await play(camera);
  await client.received(1);
  client.pause();
  await expect.poll(() => camera.connections(), { timeout: 20_000 }).toEqual([]);
});

it('takes new faults while it runs, by path', async () => {
  const camera = await cameraOf({ streams: { '/main': {}, '/sub': {} } });
  camera.setFault({ status: { DESCRIBE: 503 } }, '/sub');
  const client = await connectRtsp(camera.port);
  onTestFinished(() => client.end());
  expect((await client.request('DESCRIBE', camera.url('/sub'))).status).toBe(503);
  expect((await client.request('DESCRIBE', camera.url('/main'))).status).toBe(200);
  camera.setFault(null, '/sub');
  expect((await client.request('DESCRIBE', camera.url('/sub'))).status).toBe(200);
  expect(camera.requests().map(({ method, path }) => `${method} ${path}`)).toEqual([
    'DESCRIBE /sub',
    'DESCRIBE /main',
    'DESCRIBE /sub',
  ]);
});
