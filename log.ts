import { pino, stdSerializers, type Logger } from 'pino';
import { redact } from './domain/redact.ts';

export type { Logger } from 'pino';

/**
 * The process's logger: one JSON object a line on stdout (pretty on a terminal is the caller's pipe).
 * Every string that reaches it loses its logins first.
 */
export function createLogger(options: { level: string; name: string }): Logger {
  return pino({
    name: options.name,
    level: options.level,
    serializers: {
      err: (error: unknown) => {
        const shown = stdSerializers.err(error as Error);
        return JSON.parse(redact(JSON.stringify(shown))) as unknown;
      },
    },
    hooks: {
      logMethod(args, method) {
        const clean = args.map((arg) => (typeof arg === 'string' ? redact(arg) : arg)) as typeof args;
        method.apply(this, clean);
      },
    },
    formatters: {
      log: (object) => {
        const shown: Record<string, unknown> = {};
        for (const [key, value] of Object.entries(object)) {
          shown[key] = typeof value === 'string' ? redact(value) : value;
        }
        return shown;
      },
    },
  });
}
