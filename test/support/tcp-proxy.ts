import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 in front of one port, whose connections a test may cut, refuse, hold or slow down. */
export interface TcpProxy {
  port: number;
  /** Ends all connections and refuses new ones until `restore`. */
  cut(): void;
  /** Connections stay open and carry nothing until `restore`, as when a firewall drops packets. */
  hold(): void;
  /** Each direction of each connection carries this much a second until `restore`. */
  throttle(bytesPerSecond: number): void;
  restore(): void;
  close(): Promise<void>;
}

const tickMs = 50;

export async function createTcpProxy(targetPort: number): Promise<TcpProxy> {
  let mode: 'open' | 'cut' | 'held' = 'open';
  let bytesPerSecond = Infinity;
  const sockets = new Set<Socket>();

  function pump(from: Socket, to: Socket): void {
    let timer: NodeJS.Timeout | null = null;
    let passed = { atMs: 0, bytes: 0 };
    from.on('data', (bytes: Buffer) => {
      to.write(bytes);
      if (mode === 'open' && bytesPerSecond === Infinity && to.writableLength < 1024 * 1024) return;
      from.pause();
      passed = { atMs: Date.now(), bytes: bytes.length };
      timer ??= setInterval(() => {
        // By the rate of now: what was throttled must not wait any longer once it is restored.
        const untilMs = passed.atMs + (passed.bytes / bytesPerSecond) * 1000;
        if (mode === 'held' || Date.now() < untilMs || to.writableLength >= 1024 * 1024) return;
        if (timer !== null) clearInterval(timer);
        timer = null;
        from.resume();
      }, tickMs);
    });
    from.once('end', () => to.end());
    from.on('error', () => to.destroy());
    from.once('close', () => {
      if (timer !== null) clearInterval(timer);
      sockets.delete(from);
      to.destroy();
    });
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client);
    if (mode === 'cut') {
      client.on('error', () => undefined);
      client.destroy();
      return;
    }
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    sockets.add(target);
    pump(client, target);
    pump(target, client);
    if (mode === 'held') for (const socket of [client, target]) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  return {
    port: address.port,
    cut() {
      mode = 'cut';
      for (const socket of sockets) socket.destroy();
    },
    hold() {
      mode = 'held';
      for (const socket of sockets) socket.pause();
    },
    throttle(rate) {
      bytesPerSecond = rate;
    },
    restore() {
      mode = 'open';
      bytesPerSecond = Infinity;
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
