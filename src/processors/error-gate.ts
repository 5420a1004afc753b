/** The error gate: while Redis refuses writes, take no jobs and probe, instead of thousands of errors a second (reliability.md M10). */

import type { Clock } from '../clock.ts'

export interface ErrorGateParts {
  /** Whether the error says that Redis can't take writes now (OOM, MISCONF, READONLY, …). */
  readonly isRefusal: (error: unknown) => boolean
  /** Rejects while Redis refuses. */
  readonly probe: () => Promise<unknown>
  /** Stop and go on taking jobs; running ones are left alone. */
  readonly pause: () => Promise<unknown>
  readonly resume: () => Promise<unknown>
  readonly onChange?: (state: 'closed' | 'open', error?: unknown) => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface ErrorGate {
  /** Every error of the worker goes through here. */
  see(error: unknown): void
  /** Redis refuses writes, as far as we know: no jobs are taken. */
  isClosed(): boolean
  /** Repeats a write until Redis takes it; other errors pass. */
  persist<T>(write: () => Promise<T>): Promise<T>
}

const probeFirstMs = 1_000
const probeCapMs = 30_000

export function createErrorGate(parts: ErrorGateParts): ErrorGate {
  let closed: Promise<void> | undefined
  const close = (error: unknown): Promise<void> => {
    closed ??= untilOpen(parts, error).finally(() => {
      closed = undefined
    })
    return closed
  }
  return {
    see(error) {
      if (parts.isRefusal(error)) close(error).catch(() => undefined)
    },
    isClosed: () => closed !== undefined,
    async persist(write) {
      for (;;) {
        try {
          return await write()
        } catch (error) {
          if (!parts.isRefusal(error)) throw error
          await close(error)
        }
      }
    },
  }
}

async function untilOpen(
  { probe, pause, resume, onChange, clock, signal }: ErrorGateParts,
  error: unknown,
): Promise<void> {
  onChange?.('closed', error)
  await pause()
  for (let waitMs = probeFirstMs; ; waitMs = Math.min(waitMs * 2, probeCapMs)) {
    await clock.sleep(waitMs, signal)
    const open = await probe().then(
      () => true,
      () => false,
    )
    if (open) break
  }
  await resume()
  onChange?.('open')
}
