import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/support/long-first.ts';

// The tests; apart from the console's build, which must go without what only tests need.
// oxlint-disable-next-line import/no-default-export -- what vitest reads
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // One more than the cores of a small machine: most of a file's time is waiting for streams and servers.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    // Real servers and real streams: a test waits for them, not for a clock.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    // Two cores that others may use too: a stream that stutters for want of them is no fault of the code. A second
    // failure is.
    retry: 1,
    // The second one is for .ci/run, which counts.
    reporters: ['default', ['json', { outputFile: '.cache/test-results.json' }]],
  },
});
