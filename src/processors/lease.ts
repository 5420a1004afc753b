/** The lease watchdog: an attempt whose lock was not renewed for 70 % of its life stops by itself, before another worker starts. */

import type { Clock } from '../clock.ts'

export interface Leases {
  /** An attempt begins with its lock just taken; the answer ends the watch. */
  hold(id: string): () => void
  /** The lock was renewed just now. */
  confirm(id: string): void
}

/** BullMQ renews at 25 to 50 % of the life; a frozen link raises no error at all (reliability.md M8). */
const patience = 0.7

/**
 * Calls `onLost` once for each lease that was not confirmed for 70 % of `lockDurationMs`, by the monotonic clock.
 * Runs until the signal aborts.
 */
export function watchLeases(
  lockDurationMs: number,
  onLost: (id: string) => void,
  clock: Clock,
  signal: AbortSignal,
): Leases {
  const held = new Map<string, { confirmedMs: number }>()
  const look = (): void => {
    const lostBeforeMs = clock.monotonicMs() - patience * lockDurationMs
    for (const [id, { confirmedMs }] of held) {
      if (confirmedMs >= lostBeforeMs) continue
      held.delete(id)
      onLost(id)
    }
  }
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(lockDurationMs / 20, signal)
      look()
    }
  }
  watch().catch(() => undefined)
  return {
    hold(id) {
      const lease = { confirmedMs: clock.monotonicMs() }
      held.set(id, lease)
      // The same job may have come back to this process meanwhile: that watch goes on.
      return () => {
        if (held.get(id) === lease) held.delete(id)
      }
    },
    confirm(id) {
      const lease = held.get(id)
      if (lease) lease.confirmedMs = clock.monotonicMs()
    },
  }
}
