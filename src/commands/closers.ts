/** What a command opens it closes, the last first, whatever happens. (Node 22 has no AsyncDisposableStack.) */

export interface Closers {
  defer(close: () => unknown): void
}

/** Runs `work`, then what it deferred. An error of `work` comes before those of closing. */
export async function closingAfter<T>(work: (closers: Closers) => Promise<T>): Promise<T> {
  const deferred: (() => unknown)[] = []
  const closeAll = async (): Promise<void> => {
    for (let close = deferred.pop(); close; close = deferred.pop()) await close()
  }
  try {
    return await work({ defer: close => void deferred.push(close) })
  } finally {
    await closeAll()
  }
}
