import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Linux gives outgoing connections ports from 32,768 on (net.ipv4.ip_local_port_range). A server there, once killed,
 * may find its port taken by somebody's connection when it comes back, and cannot listen any more.
 */
const firstPort = 15_000;
const lastPort = 32_767;
/** More than this many taken ports in a row mean that something else is wrong. */
const maxTries = 1_000;

/**
 * As many TCP ports on 127.0.0.1 as asked for, all different, free a moment ago, and none of those of outgoing
 * connections.
 */
export async function freePorts(count: number): Promise<number[]> {
  // All are held at once, or the same port could be found twice.
  const servers: Server[] = [];
  try {
    while (servers.length < count) servers.push(await listenSomewhere());
    return servers.map(portOf);
  } finally {
    await Promise.all(servers.map(close));
  }
}

/** Whether nothing listens on that address and port, and this user may. */
export async function isPortFree(port: number, host: string): Promise<boolean> {
  try {
    await close(await listen(port, host));
    return true;
  } catch {
    return false;
  }
}

/** Tries ports by chance, so that two processes which look at the same time seldom meet. */
async function listenSomewhere(): Promise<Server> {
  let failure: unknown;
  for (let tried = 0; tried < maxTries; tried += 1) {
    try {
      return await listen(randomInt(firstPort, lastPort + 1));
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`no free TCP port between ${firstPort} and ${lastPort}`, { cause: failure });
}

function listen(port: number, host = '127.0.0.1'): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
