/** Sockets that read into the same buffers again: what is read is what was sent, in whatever pieces it comes and however slowly it is read. */

import { randomBytes, randomInt } from 'node:crypto'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import type { Dispatcher } from 'undici'
import { describe, expect, test } from 'vitest'
import { bareOf, createDispatcher } from '../../src/wecom/connections.ts'
import { ask } from '../../src/wecom/inflow.ts'
import { atEnd } from '../support/at-end.ts'
import { localCertificate, openssl } from '../support/certificates.ts'

type Script = (socket: Socket, path: string) => Promise<void>

interface Site {
  readonly origin: string
  readonly dispatcher: Dispatcher
}

const serve = async (server: Server, scheme: string, ca?: Buffer): Promise<Site> => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const dispatcher = createDispatcher(4, { connectMs: 5_000 }, ca)
  atEnd(async () => {
    await dispatcher.destroy()
    server.close()
  })
  return { origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, dispatcher }
}

const onSocket = (script: Script) => (socket: Socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => void script(socket, chunk.toString('latin1').split(' ')[1] ?? ''))
}

const plain = (script: Script) => serve(createServer(onSocket(script)), 'http')

async function encrypted(script: Script): Promise<Site> {
  const { ca, ...pair } = await localCertificate()
  return serve(createTlsServer(pair, onSocket(script)), 'https', ca)
}

const write = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise(resolve => void socket.write(bytes, () => resolve()))

const file = randomBytes(6_000_000)

/** The head in bits of a few bytes, then the file from `?n` on, in pieces of any size. */
const inPieces: Script = async (socket, path) => {
  const body = file.subarray(Number(path.slice(2)))
  const head = `HTTP/1.1 200 OK\r\nX-From: ${path}\r\nX-Long: ${'x'.repeat(300)}\r\nContent-Length: ${body.length}\r\n\r\n`
  for (let at = 0; at < head.length; at += 40) {
    await write(socket, Buffer.from(head.slice(at, at + 40)))
    await turn()
  }
  for (let at = 0; at < body.length; ) {
    const bytes = randomInt(1, 10) < 5 ? randomInt(1, 20_000) : randomInt(1, 700_000)
    await write(socket, body.subarray(at, at + bytes))
    at += bytes
    if (randomInt(4) === 0) await delay(1)
  }
}

async function get({ origin, dispatcher }: Site, from: number, isSlow: boolean) {
  const inflow = ask(
    bareOf(dispatcher),
    { origin, path: `/?${from}`, method: 'GET' },
    new AbortController().signal,
  )
  const { headers } = await inflow.head
  const got: Buffer[] = []
  for await (const piece of inflow.chunks()) {
    if (isSlow) await delay(randomInt(4))
    got.push(Buffer.from(piece))
  }
  return { headers, isWhole: Buffer.concat(got).equals(file.subarray(from)) }
}

describe.each([
  ['plain', plain, true],
  ['over TLS', encrypted, openssl !== undefined],
] as const)('%s', (_, open, isPossible) => {
  test.runIf(isPossible).each([
    ['a quick reader', false],
    ['a slow one', true],
  ])('four answers at once, one after the other, to %s', async (_, isSlow) => {
    const site = await open(inPieces)
    const line = async (): Promise<void> => {
      for (let n = 0; n < 4; n += 1) {
        const from = randomInt(100_000)
        const { headers, isWhole } = await get(site, from, isSlow)
        expect(headers).toMatchObject({ 'x-from': `/?${from}`, 'x-long': 'x'.repeat(300) })
        expect(isWhole).toBe(true)
      }
    }
    await Promise.all([line(), line(), line(), line()])
  })
})

test('whoever else uses the dispatcher may keep what it is given', async () => {
  const { origin, dispatcher } = await plain(async socket => {
    await write(socket, Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${file.length}\r\n\r\n`))
    await write(socket, file)
  })
  const { body } = await dispatcher.request({ origin, path: '/', method: 'GET' })
  expect(Buffer.from(await body.arrayBuffer()).equals(file)).toBe(true)
})

test('a head that is larger than any of the platform is refused, not mixed up', async () => {
  const site = await plain(socket =>
    write(socket, Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)),
  )
  await expect(get(site, 0, false)).rejects.toThrow('Headers Overflow')
})

test.runIf(openssl)('a second connection over TLS goes on with the session of the first', async () => {
  const resumed: boolean[] = []
  const { ca, ...pair } = await localCertificate()
  const server = createTlsServer(pair, socket => {
    resumed.push(socket.isSessionReused())
    onSocket(async socket => {
      await write(socket, Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))
      socket.end()
    })(socket)
  })
  const site = await serve(server, 'https', ca)
  await get(site, file.length, false)
  await get(site, file.length, false)
  expect(resumed).toEqual([false, true])
})
