/** A TCP proxy that spoils the network on command. What TCP never does, it never does: no hole in a stream that goes on. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { atEnd } from './at-end.ts'

/** `up` is from the client to the server, `down` the way back. */
export type Direction = 'up' | 'down'

export interface Proxy {
  readonly port: number
  /** The target's URL, through the proxy. */
  readonly url: string
  /** Each way. Default 0. */
  latencyMs: number
  /** Each way and link. Default: no bound. */
  bytesPerSecond: number
  /** Links open now. */
  links(): number
  /** Bytes passed on so far, over all links. */
  passed(direction: Direction): number
  /** Ends all links with RST. */
  reset(): void
  /** New connections are refused from now on; open ones stay. */
  refuse(): Promise<void>
  /** Undoes `refuse`. */
  accept(): Promise<void>
  /**
   * Swallows bytes and endings in silence; `freeze('down')` loses replies only. A link that lost something
   * stays dead after `thaw`, as one that a NAT has forgotten does; new ones work.
   */
  freeze(...directions: Direction[]): void
  thaw(): void
  /** Links that have lost something. */
  lost(): number
  /** Ends a link with RST after that many bytes more, once. */
  limit(sizeBytes: number, direction?: Direction): void
  close(): Promise<void>
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  readonly lost: Set<Direction>
}

/** Most of what waits for its latency, per link and way. */
const windowBytes = 4 << 20

/** A proxy in front of the server at `target` (any URL with a port). Closes itself at the end. */
export const startProxy = async (target: string): Promise<Proxy> => {
  const to = new URL(target)
  const links = new Set<Link>()
  const frozen = new Set<Direction>()
  const left: Partial<Record<Direction, number>> = {}
  const passed = { up: 0, down: 0 }

  const end = (link: Link): void => {
    links.delete(link)
    for (const socket of [link.client, link.server]) if (!socket.destroyed) socket.resetAndDestroy()
  }

  const dead = (link: Link, direction: Direction): boolean => {
    if (frozen.has(direction)) link.lost.add(direction)
    return link.lost.has(direction)
  }

  const deliver = async (link: Link, direction: Direction, chunk: Buffer, dueMs: number): Promise<void> => {
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await delay(waitMs)
    if (dead(link, direction)) return
    const most = left[direction] ?? Number.POSITIVE_INFINITY
    const part = chunk.subarray(0, most)
    if (left[direction] !== undefined) left[direction] = most - part.length
    passed[direction] += part.length
    const out = direction === 'up' ? link.server : link.client
    if (part.length < chunk.length) {
      delete left[direction]
      out.write(part, () => end(link))
    } else if (!out.destroyed && !out.write(part)) await flowing(out)
  }

  const pump = async (link: Link, direction: Direction): Promise<void> => {
    const [from, out] = direction === 'up' ? [link.client, link.server] : [link.server, link.client]
    let last = Promise.resolve()
    let waitingBytes = 0
    let freeMs = 0
    for await (const whole of from)
      for (const chunk of pieces(whole, proxy.bytesPerSecond)) {
        const nowMs = performance.now()
        freeMs = Math.max(freeMs, nowMs) + (chunk.length / proxy.bytesPerSecond) * 1000
        const dueMs = freeMs + proxy.latencyMs
        waitingBytes += chunk.length
        last = last
          .then(() => deliver(link, direction, chunk, dueMs))
          .then(() => {
            waitingBytes -= chunk.length
          })
        if (waitingBytes > windowBytes) await last
      }
    await last
    if (!dead(link, direction)) out.end()
  }

  const server = createServer({ allowHalfOpen: true }, client => {
    const upstream = connect({ host: to.hostname, port: Number(to.port), allowHalfOpen: true })
    const link: Link = { client, server: upstream, lost: new Set() }
    links.add(link)
    // A link whose one side broke is reset, unless the break is not to be noticed.
    const broken = (direction: Direction) => () => {
      if (!dead(link, direction)) end(link)
    }
    client.on('error', broken('up'))
    upstream.on('error', broken('down'))
    const both = [pump(link, 'up').catch(broken('up')), pump(link, 'down').catch(broken('down'))]
    void Promise.all(both).then(() => link.lost.size === 0 && links.delete(link))
  })

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await listen(0)
  const through = new URL(target)
  through.hostname = '127.0.0.1'
  through.port = `${port}`

  const proxy: Proxy = {
    port,
    url: through.href,
    latencyMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    links: () => links.size,
    passed: direction => passed[direction],
    reset: () => links.forEach(end),
    refuse: async () => {
      // Not awaited: `close` calls back only when the open links are gone, too.
      server.close()
    },
    accept: async () => {
      await listen(port)
    },
    freeze: (...directions) => {
      for (const direction of directions.length > 0 ? directions : (['up', 'down'] as const))
        frozen.add(direction)
    },
    thaw: () => frozen.clear(),
    lost: () => [...links].filter(link => link.lost.size > 0).length,
    limit: (sizeBytes, direction = 'down') => {
      left[direction] = sizeBytes
    },
    close: async () => {
      links.forEach(end)
      if (server.listening) await new Promise(resolve => server.close(resolve))
    },
  }
  atEnd(proxy.close)
  return proxy
}

/** Resolves when there is room again, or nobody to write to; errors are for the link to handle. */
const flowing = (out: Socket): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      out.off('drain', done).off('close', done)
      resolve()
    }
    out.on('drain', done).on('close', done)
  })

/** A slow line passes small pieces: about fifty a second. */
function* pieces(chunk: Buffer, bytesPerSecond: number): Generator<Buffer> {
  const size = Math.max(1, Math.min(chunk.length, Math.ceil(bytesPerSecond / 50)))
  for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
}
