/**
 * Bodies that come too slowly, or go on without end, lose their connection. Node knows one deadline for all requests; an
 * upload needs a longer one than a line of JSON, and a floor for its speed instead.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'

export interface Pace {
  /** From the head to the end of the body, ms. */
  readonly totalMs: number
  /** Fewer in each `lookMs` are too slow; 0: the deadline is all. */
  readonly bytesPerSecond: number
  /** More are a body that was refused and does not stop. */
  readonly maxBytes: number
}

interface Watched {
  readonly socket: Socket
  readonly response: ServerResponse
  readonly pace: Pace
  readonly startMs: number
  readonly startBytes: number
  lastMs: number
  lastBytes: number
}

export interface BodyWatch {
  add(request: IncomingMessage, response: ServerResponse, pace: Pace): void
  close(): void
}

const timedOut = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/** Looks every `lookMs` at what is on its way; costs nothing while nothing is. */
export function watchBodies(clock: Clock, lookMs: number): BodyWatch {
  const watched = new Set<Watched>()
  const over = new AbortController()
  void keepLooking(watched, clock, lookMs, over.signal)
  return {
    add(request, response, pace) {
      const hasBody =
        request.headers['transfer-encoding'] !== undefined ||
        Number(request.headers['content-length'] ?? 0) > 0
      if (!hasBody) return
      const { socket } = request
      const nowMs = clock.monotonicMs()
      const bytes = socket.bytesRead
      const one = {
        ...{ socket, response, pace, startMs: nowMs, startBytes: bytes },
        ...{ lastMs: nowMs, lastBytes: bytes },
      }
      watched.add(one)
      const forget = () => watched.delete(one)
      request.once('end', forget).once('close', forget)
    },
    close: () => over.abort(),
  }
}

async function keepLooking(
  watched: ReadonlySet<Watched>,
  clock: Clock,
  lookMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(lookMs, signal).catch(() => undefined)
    for (const one of watched) look(one, clock.monotonicMs())
  }
}

/** So long a body may pause before its speed counts, ms: disks and phones pause. */
const speedOverMs = 10_000

function look(one: Watched, nowMs: number): void {
  const { pace, startMs, startBytes } = one
  const bytes = one.socket.bytesRead
  const isLate = nowMs - startMs > pace.totalMs || bytes - startBytes > pace.maxBytes
  const spanMs = nowMs - one.lastMs
  const isDue = spanMs >= Math.min(speedOverMs, pace.totalMs / 2)
  const isSlow = isDue && bytes - one.lastBytes < (pace.bytesPerSecond * spanMs) / 1000
  if (isLate || isSlow) cut(one)
  if (!isDue) return
  one.lastMs = nowMs
  one.lastBytes = bytes
}

/** Where nothing was answered yet, in the words that Node has for it. */
function cut({ socket, response }: Watched): void {
  if (socket.writable && !response.headersSent) socket.write(timedOut)
  socket.destroySoon()
}
