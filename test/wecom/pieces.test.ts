/** Buffers that are filled again while a file is sent: what arrives is what was in the file, however slow the other end reads. */

import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openLocal } from '../../src/files/dir.ts'
import { createDispatcher } from '../../src/wecom/connections.ts'
import type { ClientSettings } from '../../src/wecom/index.ts'
import { atEnd } from '../support/at-end.ts'
import { localCertificate, openssl } from '../support/certificates.ts'
import { opened } from '../support/opened.ts'
import { tempDir } from '../support/temp.ts'
import { accepted, reply, startOrigin, testClient, token } from './origin.ts'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const bigFile = async (sizeBytes: number) => {
  const [dir, bytes] = [await tempDir(), randomBytes(sizeBytes)]
  await writeFile(join(dir, 'x'), bytes)
  return { bytes, source: await opened(openLocal('x', { roots: [dir] })) }
}

test('a piece is whole until the next is asked for', async () => {
  const { bytes, source } = await bigFile(1_000_003)
  const got: Buffer[] = []
  for await (const piece of source.pieces?.() ?? []) {
    const copy = Buffer.from(piece)
    // The next one is being read meanwhile.
    await delay(5)
    expect(piece.equals(copy)).toBe(true)
    got.push(copy)
  }
  expect(Buffer.concat(got).equals(bytes)).toBe(true)
})

/** Slow enough for the buffers of both ends to be full. */
async function read(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const arrived: Buffer[] = []
  await delay(100)
  for await (const chunk of request) {
    arrived.push(Buffer.from(chunk))
    if (arrived.length % 10 === 0) await delay(1)
  }
  return Buffer.concat(arrived)
}

/** What a slow platform gets of a file of 8 MB, beside what was in it. */
async function sent(
  serve: (onRequest: RequestListener) => Promise<ClientSettings & { readonly baseUrl: string }>,
) {
  const { bytes, source } = await bigFile(8_000_000)
  let body = Buffer.alloc(0)
  const settings = await serve(
    (request, response) =>
      void read(request).then(arrived => {
        body = Buffer.from(arrived)
        reply(response, accepted)
      }),
  )
  const { sizeBytes, pieces } = source
  const open = () => Promise.reject(new Error('is not opened'))
  await testClient(settings).upload({ type: 'file', name: 'x', sizeBytes, open, ...(pieces && { pieces }) })
  const start = body.indexOf('\r\n\r\n') + 4
  return { arrived: sha256(body.subarray(start, start + sizeBytes)), was: sha256(bytes) }
}

test('what arrives is what was in the file, however slow the other end reads', async () => {
  const { arrived, was } = await sent(async onRequest => {
    const { baseUrl } = await startOrigin(onRequest, { readBody: false })
    return { baseUrl }
  })
  expect(arrived).toBe(was)
})

test.runIf(openssl)('and so it is over TLS, which the platform speaks', async () => {
  const { ca, ...pair } = await localCertificate()
  const { arrived, was } = await sent(async onRequest => {
    const server = createServer(pair, (request, response) =>
      request.url?.includes('gettoken')
        ? reply(response, { errcode: 0, access_token: token, expires_in: 7_200 })
        : onRequest(request, response),
    )
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const dispatcher = createDispatcher(1, { connectMs: 5_000 }, ca)
    atEnd(async () => {
      await dispatcher.destroy()
      server.closeAllConnections()
      server.close()
    })
    return { baseUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}/cgi-bin`, dispatcher }
  })
  expect(arrived).toBe(was)
})
