import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A server's address that can be made to fail. */
export interface CutOff {
  port: number;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** A TCP proxy to a port of 127.0.0.1. */
export async function createCutOff(targetPort: number): Promise<CutOff> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  };
  const port = await listen(0);
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    cut,
    async restore() {
      await listen(port);
    },
    async close() {
      cut();
    },
  };
}
