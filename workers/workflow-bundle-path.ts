import { fileURLToPath } from 'node:url';

/** Where the workflow code that workers run lies; `workers/bundle.ts` builds it, so that no start waits for a bundler. */
export const workflowBundlePath = fileURLToPath(new URL('../dist/workflows.js', import.meta.url));
