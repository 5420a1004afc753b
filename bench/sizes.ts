/** How much is measured: `tiny` only proves that it runs, `short` is for every day, `long` is for the table. */

export const sizes = {
  tiny: {
    overhead: { rounds: 1, jobs: 60, corps: [2] },
    wait: { rounds: 1, idleJobs: 10, busySeconds: 1 },
    transfer: {
      ...{ rounds: 1, uploadBytes: 2_000_000, uploads: 2, downloadBytes: 20_000_000 },
      ...{ throttled: 100_000_000, crowd: 4 },
    },
    reuse: { rounds: 1, jobs: 50 },
    start: { rounds: 1 },
  },
  short: {
    overhead: { rounds: 5, jobs: 500, corps: [1_000] },
    wait: { rounds: 5, idleJobs: 40, busySeconds: 1 },
    transfer: {
      ...{ rounds: 5, uploadBytes: 20_000_000, uploads: 8, downloadBytes: 200_000_000 },
      ...{ throttled: 40_000_000, crowd: 64 },
    },
    reuse: { rounds: 5, jobs: 200 },
    start: { rounds: 5 },
  },
  long: {
    overhead: { rounds: 5, jobs: 3_000, corps: [10, 100, 1_000] },
    wait: { rounds: 5, idleJobs: 400, busySeconds: 5 },
    transfer: {
      ...{ rounds: 5, uploadBytes: 20_000_000, uploads: 24, downloadBytes: 200_000_000 },
      ...{ throttled: 40_000_000, crowd: 64 },
    },
    reuse: { rounds: 5, jobs: 1_000 },
    start: { rounds: 5 },
  },
} as const

export type SizeName = keyof typeof sizes
