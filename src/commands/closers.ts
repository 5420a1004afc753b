/** What a command opens it closes, the last first, whatever happens. (Node 22 has no AsyncDisposableStack.) */

export interface Closers {
  defer(close: () => unknown): void
}

/** Runs `work`, then everything it deferred, even when one of them fails. An error of `work` comes before those of closing. */
export async function closingAfter<T>(work: (closers: Closers) => Promise<T>): Promise<T> {
  const deferred: (() => unknown)[] = []
  const errors: unknown[] = []
  const fail = (error: unknown): void => void errors.push(error)
  const result = await work({ defer: close => void deferred.push(close) }).catch(fail)
  for (let close = deferred.pop(); close; close = deferred.pop()) {
    try {
      await close()
    } catch (error) {
      fail(error)
    }
  }
  if (errors.length > 0) throw errors[0]
  return result as T
}
