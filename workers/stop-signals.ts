import type { EventEmitter } from 'node:events';
import type { Logger } from '../log.ts';

type StopSignal = 'SIGINT' | 'SIGTERM';

/** This many end the process at once, whatever it is doing. */
const impatientCount = 3;

/**
 * Takes SIGINT and SIGTERM for itself. The first one says that the process is to stop; a second one, which a terminal,
 * npm and a supervisor easily send together, must not break off a handover. The third one does, and so does any after
 * the time in which a process is to have stopped.
 * @param options.source whose signals: the process
 * @param options.end ends the process at once
 * @returns the first signal, once it comes
 */
export function listenForStop(options: {
  source: EventEmitter;
  withinMs: number;
  end: () => void;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}): Promise<StopSignal> {
  let count = 0;
  let firstMs = 0;
  return new Promise((resolve) => {
    const heard = (signal: StopSignal): void => {
      count += 1;
      if (count === 1) {
        firstMs = options.now();
        return resolve(signal);
      }
      const isLate = options.now() - firstMs > options.withinMs;
      options.log.warn({ signal, count }, isLate || count >= impatientCount ? 'ended at once' : 'stopping already');
      if (isLate || count >= impatientCount) options.end();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) options.source.on(signal, () => heard(signal));
  });
}
