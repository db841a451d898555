import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createObjects } from '../../storage/objects.ts';

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

const keys = { accessKey: 'a', secretKey: 'b'.repeat(16), bucket: 'framekeep', region: 'us-east-1' };
const sockets: Socket[] = [];
let silent: Server;
let silentEndpoint: string;
beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
  });
  silentEndpoint = await listen(silent);
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

// At the same time, since they wait for 10 s.
test.concurrent(
  'a store that accepts and says nothing gives an error for every call',
  { timeout: 40_000 },
  async () => {
    const objects = createObjects({ ...keys, endpoint: silentEndpoint });
    const bytes = Buffer.from('x');
    const calls = [
      objects.stat('key'),
      objects.put('key', Readable.from([bytes]), 1, createHash('sha256').update(bytes).digest('hex')),
      objects.read('key'),
      objects.remove(['key']),
      objects.list('')[Symbol.asyncIterator]().next(),
      objects.ensureBucket(),
      objects.nowMs(),
    ];
    const outcomes = await Promise.allSettled(calls);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('was silent') } });
    }
    objects.close();
  },
);

test.concurrent('a store that refuses gives an error', async () => {
  const closed = createServer();
  const endpoint = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  await expect(createObjects({ ...keys, endpoint }).stat('key')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test.concurrent('a body that stops half-way gives an error', { timeout: 40_000 }, async () => {
  const halting = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('HTTP/1.1 206 Partial Content\r\ncontent-length: 1000\r\n\r\nhalf');
    });
    sockets.push(socket);
  });
  const endpoint = await listen(halting);
  const objects = createObjects({ ...keys, endpoint });
  await expect(objects.read('key', { offset: 0, length: 1000 }).then(buffer)).rejects.toThrow('aborted');
  objects.close();
  halting.close();
});
