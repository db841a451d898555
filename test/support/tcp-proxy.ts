import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 in front of one port, whose connections a test may cut, refuse, hold or slow down. */
export interface TcpProxy {
  port: number;
  /** Ends all connections and refuses new ones until `restore`. */
  cut(): void;
  /** Connections stay open and carry nothing until `restore`, as when a firewall drops packets. */
  hold(): void;
  /** The same for those clients alone whose port is one of these, also where they connect anew. */
  holdClients(isOne: (clientPort: number) => boolean): void;
  /** Each direction of each connection carries this much a second until `restore`. */
  throttle(bytesPerSecond: number): void;
  restore(): void;
  close(): Promise<void>;
}

const tickMs = 50;

export async function createTcpProxy(targetPort: number): Promise<TcpProxy> {
  let mode: 'open' | 'cut' | 'held' = 'open';
  let isHeldClient: (clientPort: number) => boolean = () => true;
  let bytesPerSecond = Infinity;
  const sockets = new Set<Socket>();
  /** Sockets that carry nothing until `restore`. */
  const held = new Set<Socket>();
  const pairs = new Map<Socket, Socket>();

  function holdPair(client: Socket, target: Socket): void {
    if (!isHeldClient(client.remotePort ?? 0)) return;
    for (const socket of [client, target]) held.add(socket.pause());
  }

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
        if (held.has(from) || Date.now() < untilMs || to.writableLength >= 1024 * 1024) return;
        if (timer !== null) clearInterval(timer);
        timer = null;
        from.resume();
      }, tickMs);
    });
    from.once('end', () => to.end());
    from.on('error', () => to.destroy());
    from.once('close', () => {
      if (timer !== null) clearInterval(timer);
      for (const known of [sockets, held, pairs]) known.delete(from);
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
    pairs.set(client, target);
    if (mode === 'held') holdPair(client, target);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  function hold(isOne: (clientPort: number) => boolean): void {
    mode = 'held';
    isHeldClient = isOne;
    for (const [client, target] of pairs) holdPair(client, target);
  }

  return {
    port: address.port,
    cut() {
      mode = 'cut';
      for (const socket of sockets) socket.destroy();
    },
    hold: () => hold(() => true),
    holdClients: hold,
    throttle(rate) {
      bytesPerSecond = rate;
    },
    restore() {
      mode = 'open';
      bytesPerSecond = Infinity;
      held.clear();
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
