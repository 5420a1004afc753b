/** Waiting for something that itself does not listen to a signal. */

/**
 * The promise's outcome, or the signal's reason if that comes first; what then still arrives goes to `discard`.
 * The work behind the promise is not stopped: others may be waiting for it.
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal?: AbortSignal,
  discard: (late: T) => void = () => {},
): Promise<T> {
  if (!signal) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => {
    promise.then(discard, () => {})
    reject(signal.reason)
  }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
