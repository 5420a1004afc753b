/**
 * Gauges that are read when somebody scrapes. Every replica reads the same Redis, so they are aggregated with max, never
 * summed. A look that fails takes its own gauges off the page and no other's: one throwing collector would take the whole
 * page with it (bullmq.md §4).
 */

import { type Metrics, metricsTable } from './metrics.ts'

export interface Look {
  /** Whose values are replaced as a whole: what is no longer there leaves the page. */
  readonly gauges: readonly GaugeName[]
  /** Asks, and answers how to show what it was told. */
  read(): Promise<() => void>
  /** How long it serves scrapes that come close together, ms. Default 5,000. */
  readonly lifeMs?: number
  /** It failed, and its gauges are gone. */
  missed?(): void
}

export type GaugeName = {
  [K in keyof Metrics]: Metrics[K] extends { set: unknown } ? K : never
}[keyof Metrics]

export interface LooksParts {
  readonly metrics: Metrics
  readonly looks: Readonly<Record<string, Look>>
  /** Whether it makes sense to ask now: commands to a Redis that is away would queue up, a page's worth with each scrape. */
  readonly isReady: () => boolean
  readonly monotonicMs: () => number
}

const usualLifeMs = 5_000
/** How long a look may take, ms. */
const timeoutMs = 2_000

/** Looks when asked, at most every 5 s, for 2 s at most. Never rejects. */
export function createLooks({ looks, ...parts }: LooksParts): () => Promise<void> {
  const takers = Object.entries(looks).map(([name, look]) => taker(parts, name, look))
  return async () => {
    await Promise.all(takers.map(take => take()))
  }
}

/** Scrapes that come together share one look; one that still waits for its answer is not asked again. */
function taker(
  { metrics, isReady, monotonicMs }: Omit<LooksParts, 'looks'>,
  name: string,
  { gauges, read, missed, lifeMs = usualLifeMs }: Look,
): () => Promise<void> {
  let [lastMs, isAsking] = [Number.NEGATIVE_INFINITY, false]
  let flight: Promise<void> | undefined
  const take = async (): Promise<void> => {
    try {
      if (isAsking || !isReady()) throw new Error('cannot be asked now')
      isAsking = true
      const asked = read().finally(() => {
        isAsking = false
      })
      const show = await within(asked, timeoutMs)
      clear(metrics, gauges)
      show()
      lastMs = monotonicMs()
    } catch {
      clear(metrics, gauges)
      missed?.()
      metrics.wecom_media_look_failures_total.inc({ look: name })
    }
  }
  return async () => {
    if (!flight && monotonicMs() - lastMs < lifeMs) return
    flight ??= take().finally(() => {
      flight = undefined
    })
    await flight
  }
}

function clear(metrics: Metrics, gauges: readonly GaugeName[]): void {
  for (const name of gauges) {
    metrics[name].reset()
    // Without labels it would stay, as 0.
    if (metricsTable[name].labelNames.length === 0) metrics[name].remove()
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const signal = AbortSignal.timeout(ms)
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
  return await Promise.race([work, late])
}
