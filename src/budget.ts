/** Memory for transfers: large buffers as long as few are at work, smaller ones the more there are. No I/O. */

export interface BudgetOptions {
  /** Of all buffers together, bytes; only buffers of the least size go beyond it. */
  readonly totalBytes: number
  readonly leastBytes: number
  readonly mostBytes: number
}

export interface Budget {
  /** How large each of `count` buffers may be, bytes: as large as wanted, if there is room. They count until they are given back. */
  take(wantedBytes: number, count?: number): number
  give(bytes: number): void
}

/** Of what is left, each buffer may take this part: many more fit, none crowds out the next. */
const share = 1 / 16
const pageBytes = 4_096

export function createBudget({ totalBytes, leastBytes, mostBytes }: BudgetOptions): Budget {
  let takenBytes = 0
  return {
    take(wantedBytes, count = 1) {
      const shareBytes = Math.floor(((totalBytes - takenBytes) * share) / pageBytes) * pageBytes
      const bytes = Math.min(wantedBytes, mostBytes, Math.max(leastBytes, shareBytes))
      takenBytes += bytes * count
      return bytes
    },
    give(bytes) {
      takenBytes -= bytes
    },
  }
}
