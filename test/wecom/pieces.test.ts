/** Buffers that are filled again while a file is sent: what arrives is what was in the file, however slow the other end reads. */

import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openLocal } from '../../src/files/dir.ts'
import { opened } from '../support/opened.ts'
import { tempDir } from '../support/temp.ts'
import { accepted, reply, startOrigin, testClient } from './origin.ts'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const bigFile = async (sizeBytes: number) => {
  const [dir, bytes] = [await tempDir(), randomBytes(sizeBytes)]
  await writeFile(join(dir, 'x'), bytes)
  return { bytes, source: await opened(openLocal('x', { roots: [dir] })) }
}

test('a piece is whole until the one after the next is asked for', async () => {
  const { bytes, source } = await bigFile(1_000_003)
  const got: Buffer[] = []
  let before: { readonly piece: Buffer; readonly copy: Buffer } | undefined
  for await (const piece of source.pieces?.() ?? []) {
    if (before) expect(before.piece.equals(before.copy)).toBe(true)
    before = { piece, copy: Buffer.from(piece) }
    got.push(before.copy)
  }
  expect(Buffer.concat(got).equals(bytes)).toBe(true)
})

test('what arrives is what was in the file, however slow the other end reads', async () => {
  const { bytes, source } = await bigFile(8_000_000)
  const arrived: Buffer[] = []
  const read = async (request: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of request) {
      arrived.push(Buffer.from(chunk))
      if (arrived.length % 10 === 0) await delay(1)
    }
  }
  const origin = await startOrigin(
    (request, response) => void read(request).then(() => reply(response, accepted)),
    { readBody: false },
  )
  const { sizeBytes, pieces } = source
  const open = () => Promise.reject(new Error('is not opened'))
  const client = testClient({ baseUrl: origin.baseUrl })
  await client.upload({ type: 'file', name: 'x', sizeBytes, open, ...(pieces && { pieces }) })
  const body = Buffer.concat(arrived)
  const start = body.indexOf('\r\n\r\n') + 4
  expect(sha256(body.subarray(start, start + sizeBytes))).toBe(sha256(bytes))
})
