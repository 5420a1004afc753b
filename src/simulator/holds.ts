/** Calls that a fault of act 'hold' keeps, until somebody lets them go or their connection ends. */

export class Holds {
  readonly #held = new Map<number, () => void>()

  /** Resolves when released, rejects with the signal's reason. */
  async hold(callId: number, signal: AbortSignal): Promise<void> {
    const released = Promise.withResolvers<void>()
    const stop = (): void => released.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#held.set(callId, released.resolve)
    try {
      signal.throwIfAborted()
      await released.promise
    } finally {
      signal.removeEventListener('abort', stop)
      this.#held.delete(callId)
    }
  }

  /** One call, or all; answers how many were let go. */
  release(callId?: number): number {
    const going = [...this.#held].filter(([id]) => callId === undefined || id === callId)
    for (const [, letGo] of going) letGo()
    return going.length
  }
}
