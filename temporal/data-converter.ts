import { fileURLToPath } from 'node:url';

/** Used by every client and worker, so that no failure carries a login into Temporal. */
export const dataConverter = {
  failureConverterPath: fileURLToPath(new URL('failure-converter.ts', import.meta.url)),
} as const;
