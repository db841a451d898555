import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createCameraWorkflows } from '../../api/camera-workflows.ts';
import { createLogger } from '../../log.ts';
import { testTemporal } from '../support/temporal.ts';

/** A way to Temporal that can be cut and mended, always at the same port. */
async function startWay(
  address: string,
): Promise<{ port: number; cut: () => Promise<void>; mend: () => Promise<void> }> {
  const [host, port] = address.split(':');
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  let ownPort = 0;
  const mend = async () => {
    server = createServer((near) => {
      const far = connect(Number(port), host);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy()); // the cut itself
        socket.on('close', () => sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    }).listen(ownPort, '127.0.0.1');
    await once(server, 'listening');
    ownPort = (server.address() as AddressInfo).port;
  };
  const cut = async () => {
    const closed = server === null ? null : once(server, 'close');
    server?.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await mend();
  return { port: ownPort, cut, mend };
}

// The test's own time limit shows that no call waits for the minute or more that gRPC would.
test('finds Temporal when it comes, and again after each outage', async () => {
  const { address, namespace } = await testTemporal();
  const way = await startWay(address);
  await way.cut();
  const log = createLogger({ level: 'silent', name: 'test' });
  const workflows = createCameraWorkflows({ address: `127.0.0.1:${way.port}`, namespace, log });
  const change = { cameraId: '0199d2c4-0000-7000-8000-000000000000', configVersion: 2 };

  for (let outage = 0; outage < 2; outage += 1) {
    const camera = { ...change, tenantId: change.cameraId, tier: 'normal', name: 'Gate' };
    const answers = [workflows.reachable(), workflows.update('pause', change), workflows.start(camera)];
    expect(await Promise.all(answers)).toEqual([false, false, false]);
    await way.mend();
    await expect.poll(() => workflows.reachable(), { timeout: 20_000 }).toBe(true);
    await way.cut();
  }
  await workflows.close();
});
