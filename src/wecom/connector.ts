/**
 * Connections whose sockets read into the same few buffers again and again. Node makes a new one for each reading, and at
 * hundreds of megabytes a second collecting those costs more than the transfer.
 */

import type { OnReadOpts, Socket } from 'node:net'
import { buildConnector } from 'undici'

/** Of one reading at most, bytes. */
const readBytes = 64 * 1024
/** What a stream hands over at a time at most, bytes: what waited in it, and one more reading. */
export const arrivalBytes = 2 * readBytes
/** A shorter reading is copied, bytes: it may be part of an answer's head, of which undici keeps slices until the head is whole. */
const copiedBytes = 16 * 1024

/** Of one connection; more are left to be collected. */
const freeMost = 4

export type ConnectorOptions = Pick<buildConnector.BuildOptions, 'timeout'> & {
  /** Certificates to trust besides those of the system; only tests have some. */
  readonly ca?: Buffer
}

/** HTTP/1.1 only. A session of TLS is gone on with, as undici's own connector does. */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const sessions = new Map<string, Buffer>()
  return (target, callback) => {
    const host = target.servername || target.hostname
    const readings = new Readings()
    const session = sessions.get(host)
    const connect = buildConnector({
      ...{ ...options, allowH2: false, onread: readings.onread },
      ...(session && { session }),
    })
    // It answers the socket, which its types keep to themselves.
    const socket = (connect as (...args: Parameters<typeof connect>) => unknown)(target, callback) as Socket
    readings.of(socket)
    socket.on('session', (next: Buffer) => sessions.set(host, next))
  }
}

/**
 * What net's `onread` wants. A buffer is given again only when its bytes have surely been dealt with: undici parses what it
 * has read at once, and inflow.ts copies what it is given. So a stream that is empty when no code of anybody is running is
 * done with all of it. In whatever other order readings come, as those of TLS may, a new buffer is made.
 */
class Readings {
  #socket: Socket | undefined
  readonly #free: Buffer[] = []
  /** In the stream, or read from it just now. */
  #given: Buffer[] = []
  #again: Buffer | undefined

  readonly onread: OnReadOpts = {
    buffer: () => {
      const buffer = this.#again ?? this.#free.pop() ?? Buffer.allocUnsafeSlow(readBytes)
      this.#again = undefined
      return buffer
    },
    callback: (bytes, into) => {
      const buffer = into as Buffer
      const isShort = bytes < copiedBytes
      if (isShort) this.#again = buffer
      else this.#given.push(buffer)
      const piece = buffer.subarray(0, bytes)
      const isRoom = this.#socket?.push(isShort ? Buffer.from(piece) : piece) ?? true
      // Behind the reader's turn, which the push has asked for.
      if (!isShort) process.nextTick(this.#look)
      return isRoom
    },
  }

  of(socket: Socket): void {
    this.#socket = socket
  }

  readonly #look = (): void => {
    if (this.#socket?.readableLength !== 0) return
    this.#free.push(...this.#given.slice(0, freeMost - this.#free.length))
    this.#given = []
  }
}
