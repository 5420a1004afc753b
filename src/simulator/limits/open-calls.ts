/** How many calls are under way at once, per corp and method and per medium that is fetched. */

import type { LimitSettings } from './settings.ts'

export interface OpenCall {
  readonly method: string
  readonly corp?: string | undefined
  readonly mediaId?: string | undefined
}

type Most = Pick<LimitSettings, 'concurrency' | 'concurrencyPerMedium'>

export class OpenCalls {
  readonly #counts = new Map<string, number>()

  /** Which limit would be broken by one more, if any. */
  limitMet(call: OpenCall, most: Most): keyof Most | undefined {
    const { ofMethod, ofMedium } = keysOf(call)
    if (this.#isFull(ofMethod, most.concurrency)) return 'concurrency'
    return this.#isFull(ofMedium, most.concurrencyPerMedium) ? 'concurrencyPerMedium' : undefined
  }

  /** Counted without a limit too: one may be set while calls are under way. Answers how the call leaves, once. */
  enter(call: OpenCall): () => void {
    const keys = Object.values(keysOf(call)).filter(key => key !== undefined)
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    return () => {
      for (const key of keys) this.#leave(key)
    }
  }

  #isFull(key: string | undefined, most: number | 'off'): boolean {
    return key !== undefined && most !== 'off' && (this.#counts.get(key) ?? 0) >= most
  }

  #leave(key: string): void {
    const left = (this.#counts.get(key) ?? 0) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }
}

function keysOf({ corp, method, mediaId }: OpenCall): { ofMethod?: string; ofMedium?: string } {
  if (corp === undefined) return {}
  const ofMethod = `${corp}\n${method}`
  return mediaId === undefined ? { ofMethod } : { ofMethod, ofMedium: `${ofMethod}\n${mediaId}` }
}
