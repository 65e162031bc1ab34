import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Guests, worker threads and child processes are real: one process a test file keeps them apart.
    pool: 'forks',
    // Many wait more than they compute: with one of two processors unused all take twice as long.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Ceilings for broken runs, high enough for a machine that has other work to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
