/** One slot per connection: without it, calls would wait inside undici after they got their grant. */

import type { Layer } from './call.ts'
import type { Slots } from './seams.ts'

/** `count` slots, given out in the order of asking. */
export function createSlots(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()

  const give = () => {
    const [next] = waiting
    if (next === undefined) free += 1
    else next()
  }
  const release = () => {
    let isHeld = true
    return () => {
      if (isHeld) give()
      isHeld = false
    }
  }

  return {
    async acquire(signal) {
      signal?.throwIfAborted()
      if (free > 0) {
        free -= 1
        return release()
      }
      await turn(waiting, signal)
      return release()
    },
  }
}

/** Waits in line; who gives up leaves the line. */
function turn(waiting: Set<() => void>, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting.delete(go)
      signal?.removeEventListener('abort', abort)
    }
    const go = () => {
      leave()
      resolve()
    }
    const abort = () => {
      leave()
      reject(signal?.reason)
    }
    waiting.add(go)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** Holds a slot from before the gate until the answer's last byte. */
export const withSlot =
  (slots: Slots): Layer =>
  inner =>
  async request => {
    const release = await slots.acquire(request.signal)
    try {
      const answer = await inner(request)
      void answer.ended.then(release)
      return answer
    } catch (error) {
      release()
      throw error
    }
  }
