import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** gRPC's PERMISSION_DENIED: what no client tries again. */
const refusal = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' };

/**
 * A Temporal that refuses every call at once. For whom it is not there the same as one that is away, but the API gives
 * that one 3 s for each change: some tests would do nothing else.
 */
export async function startRefusingTemporal(): Promise<{ address: string; close(): void }> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy()); // a client that is gone
  });
  server.on('stream', (stream) => {
    stream.on('error', () => stream.destroy());
    stream.respond(refusal, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}
