import { DefaultLogger } from '@temporalio/worker';
import type { Logger } from '../log.ts';

const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** True of every worker that only has activities, which is what recorders are meant to be. */
const expected = 'No workflows registered, not polling for workflow tasks';

/** Temporal's runtime writes through our logger, so that its lines are redacted and formatted like all others. */
export function createTemporalLogger(log: Logger): DefaultLogger {
  return new DefaultLogger('INFO', ({ level, message, meta }) => {
    if (message !== expected) log[levels[level]]({ ...meta }, message);
  });
}
