import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { LongFirst, sharesProcess } from './test/support/long-first.ts';

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`);

const each = {
  pool: 'forks',
  // Real servers and real streams: a test waits for them, not for a clock.
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 30_000,
  // Two cores that others may use too: a stream that stutters for want of them is no fault of the code. A second
  // failure is.
  retry: 1,
} as const;

// The tests; apart from the console's build, which must go without what only tests need.
// oxlint-disable-next-line import/no-default-export -- what vitest reads
export default defineConfig({
  test: {
    // Of the whole run: its servers are started once for both kinds of files.
    globalSetup: ['test/support/global-setup.ts'],
    // One more than the cores of a small machine: most of a file's time is waiting for streams and servers.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    projects: [
      { test: { ...each, name: 'apart', include: files.filter((file) => !sharesProcess(file)) } },
      // Three processes run them all: to read Temporal's SDK, Fastify and our code anew costs each file 0.3 s of CPU.
      { test: { ...each, name: 'sharing', include: files.filter(sharesProcess), isolate: false } },
    ],
    // The second one is for .ci/run, which counts.
    reporters: ['default', ['json', { outputFile: '.cache/test-results.json' }]],
  },
});
