import { defineConfig } from 'vitest/config'

const common = {
  globalSetup: 'test/support/global-setup.ts',
  pool: 'forks' as const,
  // Most of the time goes by in waiting for locks and windows, not in computing.
  maxWorkers: 3,
  // Real processes, locks and windows on a noisy machine: CI may look twice, and says so. Nobody else may.
  retry: process.env['CI'] ? 1 : 0,
  testTimeout: 20_000,
  hookTimeout: 30_000,
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/slow/**', 'test/chaos/**'],
        },
      },
      {
        test: {
          ...common,
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          ...common,
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
