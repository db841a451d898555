import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAddressPolicy } from '../../../security/address-policy.ts';
import { camera, client, dial, expectFailure, runFfmpeg, until } from './dialing.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function silentPort(): Promise<number> {
  // A process that listens but sleeps: once its queue of 1 is full, the kernel drops what comes.
  const sleep = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)';
  const listen = `const s = require('net').createServer().listen({port: 0, host: '127.0.0.1', backlog: 1}, () => {
    require('fs').writeSync(1, String(s.address().port)); ${sleep}; })`;
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [bytes] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(bytes.toString());
  for (let filled = 0; filled < 4; filled += 1) {
    const filler = connect(port, '127.0.0.1');
    filler.on('error', () => undefined);
    onTestFinished(() => void filler.destroy());
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  return port;
}

describe('connecting to a camera', () => {
  it('a closed port is refused', async () => {
    const dialer = await dial(`rtsp://127.0.0.1:${await freePort()}/a`);
    const { code } = await runFfmpeg(dialer.url);
    expect(code).toBe(1);
    expectFailure(dialer, 'refused', 'ECONNREFUSED');
  });

  it('an unknown name, no route and no answer are unreachable', async () => {
    for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'ESERVFAIL']) {
      const dialer = await dial('rtsp://cam.test/a', {
        resolve: () => Promise.reject(Object.assign(new Error(code), { code })),
      });
      await (
        await client(dialer.url)
      ).closed;
      expectFailure(dialer, 'unreachable', code);
    }
  });

  it('a name that is never answered is unreachable after the limit', async () => {
    const dialer = await dial('rtsp://cam.test/a', {
      connectTimeoutMs: 100,
      resolve: () => new Promise(() => undefined),
    });
    await (
      await client(dialer.url)
    ).closed;
    expectFailure(dialer, 'unreachable', /resolved within/);
  });

  it('who talks on before the camera is connected is cut off', async () => {
    const dialer = await dial('rtsp://cam.test/a', { resolve: () => new Promise(() => undefined) });
    const { socket, closed } = await client(dialer.url);
    const startMs = performance.now();
    socket.write(Buffer.alloc(200_000));
    await closed;
    expect(performance.now() - startMs).toBeLessThan(4000); // the connect limit alone ends it after 4.5 s
  });

  it('an address that never accepts is unreachable after the limit', async () => {
    const port = await silentPort();
    const dialer = await dial(`rtsp://127.0.0.1:${port}/a`, { connectTimeoutMs: 300 });
    await (
      await client(dialer.url)
    ).closed;
    expectFailure(dialer, 'unreachable', /within 0.3 s/);
  });

  it('is unreachable also when ffmpeg gives up first', async () => {
    const dialer = await dial(`rtsp://127.0.0.1:${await silentPort()}/a`, { connectTimeoutMs: 60_000 });
    await runFfmpeg(dialer.url, { timeoutMs: 2500 });
    expectFailure(dialer, 'unreachable', /accepted no connection for \d/);
  });

  it('a forbidden address is never connected to', async () => {
    const simulated = await camera();
    const networks = createAddressPolicy({ ownAddresses: [] });
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', 'cam.test']) {
      const dialer = await dial(`rtsp://${host}:${simulated.port}/stream`, {
        networks,
        ...(host === 'cam.test' ? { resolve: () => Promise.resolve(['127.0.0.1']) } : {}),
      });
      await (
        await client(dialer.url)
      ).closed;
      expectFailure(dialer, 'unreachable', 'FRAMEKEEP_CAMERA_NETWORKS');
    }
    expect(simulated.accepted()).toBe(0);
  });

  it('a name with one forbidden address is refused whole, in either order', async () => {
    const simulated = await camera();
    for (const addresses of [
      ['127.0.0.1', '169.254.169.254'],
      ['10.0.0.1', '127.0.0.1'],
    ]) {
      const dialer = await dial(`rtsp://cam.test:${simulated.port}/stream`, {
        resolve: () => Promise.resolve(addresses),
      });
      await (
        await client(dialer.url)
      ).closed;
      expect(dialer.failure()?.reason).toBe('unreachable');
      expect(dialer.failure()?.detail).not.toMatch(/\d+\.\d+\.\d+\.\d+/);
    }
    expect(simulated.accepted()).toBe(0);
  });

  it('resolves once and connects to what was checked', async () => {
    const simulated = await camera();
    let asked = 0;
    const dialer = await dial(`rtsp://cam.test:${simulated.port}/stream`, {
      resolve: () => {
        asked += 1;
        return Promise.resolve(asked === 1 ? ['127.0.0.1'] : ['169.254.169.254']);
      },
    });
    expect(await runFfmpeg(dialer.url, { seconds: 1 })).toMatchObject({ code: 0 });
    expect(asked).toBe(1);
    expect(simulated.accepted()).toBe(1);
  });

  it('takes the next address when the first one refuses', async () => {
    const simulated = await camera();
    const dialer = await dial(`rtsp://cam.test:${simulated.port}/stream`, {
      resolve: () => Promise.resolve(['127.0.0.2', '127.0.0.1']),
    });
    expect(await runFfmpeg(dialer.url, { seconds: 1 })).toMatchObject({ code: 0 });
    expect(dialer.failure()).toBeNull();
  });
});

describe('the local port', () => {
  it('takes one connection; later ones are refused', async () => {
    const simulated = await camera();
    const dialer = await dial(simulated.url());
    const run = runFfmpeg(dialer.url, { seconds: 60 });
    await until(() => dialer.firstMediaMs() !== null);
    const second = connect(Number(new URL(dialer.url).port), '127.0.0.1');
    const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    expect(simulated.accepted()).toBe(1);
    await dialer.close();
    await run;
  });

  it('says nothing of the camera in its URL', async () => {
    const dialer = await dial('rtsp://bob:hunter2@cam.test/live?user=bob&password=hunter2');
    expect(dialer.url).toMatch(/^rtsp:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{16}$/);
  });

  it('refuses requests for any other path', async () => {
    const simulated = await camera();
    const dialer = await dial(simulated.url());
    const { ask } = await client(dialer.url);
    expect(await ask('DESCRIBE', simulated.url())).toContain('400 Bad Request');
    expect(await ask('DESCRIBE', `${dialer.url}/../x`)).toContain('400 Bad Request');
    expect(simulated.requests()).toHaveLength(0);
  });

  it('closes at once at any moment', async () => {
    const unused = await dial('rtsp://127.0.0.1:9/a');
    await unused.close();
    const connecting = await dial('rtsp://cam.test/a', { resolve: () => new Promise(() => undefined) });
    const waiting = await client(connecting.url);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await connecting.close();
    await waiting.closed;
    expect(connecting.failure()).toBeNull();
    await connecting.close();
  });

  it('rejects a URL that is none, without repeating it', async () => {
    await expect(dial('http://bob:hunter2@cam.test/')).rejects.toThrow(/^The URL must start with rtsp/);
  });
});

describe('rtsps', () => {
  it('ends TLS here and writes down a self-signed certificate', async () => {
    const simulated = await camera();
    const dir = mkdtempSync(join(tmpdir(), 'framekeep-tls-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=cam.test', '-days', '2', ...files],
      { stdio: 'ignore' },
    );
    const names: (string | false | undefined)[] = [];
    const server = createTlsServer(
      { key: readFileSync(join(dir, 'key.pem')), cert: readFileSync(join(dir, 'cert.pem')) },
      (socket) => {
        names.push((socket as unknown as { servername: string | false }).servername);
        const plain = connect(simulated.port, '127.0.0.1');
        socket.pipe(plain).pipe(socket);
        for (const each of [socket, plain]) each.on('error', () => [socket, plain].forEach((one) => one.destroy()));
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const dialer = await dial(`rtsps://cam.test:${port}/stream`, { resolve: () => Promise.resolve(['127.0.0.1']) });
    expect(await runFfmpeg(dialer.url, { seconds: 1 })).toMatchObject({ code: 0 });
    expect(dialer.certificate()?.isVerified).toBe(false);
    expect(dialer.certificate()?.sha256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(names).toEqual(['cam.test']);
    expect(simulated.requests()[0]).toMatchObject({ method: 'OPTIONS' });
  });

  it('a camera that speaks no TLS is a bad stream', async () => {
    const simulated = await camera();
    const dialer = await dial(`rtsps://127.0.0.1:${simulated.port}/stream`, { connectTimeoutMs: 1000 });
    await (
      await client(dialer.url)
    ).closed;
    expectFailure(dialer, 'bad-stream', 'TLS');
  });
});
