import http from 'node:http';
import https from 'node:https';

/** A server next door answers in milliseconds, one across the country in 0.3 s: this is a dead one. */
const connectTimeoutMs = 5_000;

/** Silence on an open connection, also while the server makes a PUT durable: an fsync of 100 MB took under 2 s. */
const silenceTimeoutMs = 10_000;

/**
 * The `request` of node:http(s), with an end to every wait: Node's own has none, and a recorder must learn within
 * seconds that the store is gone.
 */
export function createBoundedTransport(secure: boolean): Pick<typeof http, 'request'> {
  const { request } = secure ? https : http;
  const bounded = (...args: unknown[]): http.ClientRequest => {
    // The overloads of `request` differ in their arguments only, which go through untouched.
    const outgoing: http.ClientRequest = Reflect.apply(request, undefined, args);
    const connecting = setTimeout(() => {
      outgoing.destroy(new Error(`the object store did not accept a connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    const stop = (): void => clearTimeout(connecting);
    outgoing.once('socket', (socket) => {
      if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', stop);
      else stop();
    });
    outgoing.once('close', stop);
    outgoing.setTimeout(silenceTimeoutMs, () => {
      outgoing.destroy(new Error(`the object store was silent for ${silenceTimeoutMs} ms`));
    });
    return outgoing;
  };
  return { request: bounded };
}
