import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** In a built program, what is built next to it; else the source. The SDK wants a path, and plain Node no TypeScript. */
const built = fileURLToPath(new URL('failure-converter.cjs', import.meta.url));
const source = fileURLToPath(new URL('failure-converter.ts', import.meta.url));

/** Used by every client and worker, so that no failure carries a login into Temporal. */
export const dataConverter = { failureConverterPath: existsSync(built) ? built : source } as const;
