import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedServer } from '../embedded/server-process.ts';
import { errorText } from '../../errors.ts';
import { createPause } from './pause.ts';
import type { Terminal } from './terminal.ts';

/** An embedded server that is kept running where it was. */
export interface Part<Server> {
  /** As it was started first; its addresses stay. */
  server: Server;
  stop: () => Promise<void>;
}

/**
 * Starts an embedded server, and starts it again on the same ports whenever it ends by itself.
 * @param start starts it, on the ports of an earlier start if given
 */
export async function keepPart<Server extends EmbeddedServer>(
  name: string,
  terminal: Terminal,
  start: (ports?: number[]) => Promise<Server>,
): Promise<Part<Server>> {
  const server = await start();
  const stopping = new AbortController();
  let current: Server | null = server;

  const keepRunning = async (): Promise<void> => {
    const pause = createPause();
    for (;;) {
      await current?.exited;
      if (stopping.signal.aborted) return;
      current = null;
      const ms = pause.next();
      terminal.warn(`${name} ended and starts again in ${ms / 1000} s`);
      await sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        current = await start(server.ports);
      } catch (error) {
        terminal.warn(errorText(error));
      }
      if (stopping.signal.aborted) await current?.stop();
    }
  };
  const kept = keepRunning();

  return {
    server,
    stop: async () => {
      stopping.abort();
      await current?.stop();
      await kept;
    },
  };
}
