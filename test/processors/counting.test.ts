/** An upload's bytes as they leave: counted, and hashed by the attempt that ended last. */

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLocal } from '../../src/files/dir.ts'
import { sha256Of } from '../../src/files/fingerprint.ts'
import { counting, SentHash } from '../../src/processors/counting.ts'
import { opened } from '../support/opened.ts'
import { tempDir } from '../support/temp.ts'

const stage = async (sizeBytes: number) => {
  const [dir, bytes, hash] = [await tempDir(), randomBytes(sizeBytes), new SentHash()]
  await writeFile(join(dir, 'x'), bytes)
  const source = await opened(openLocal('x', { roots: [dir] }))
  const seen: number[] = []
  const content = await counting(source, ({ doneBytes }) => seen.push(doneBytes), hash)
  const send = async (leastBytes = sizeBytes): Promise<void> => {
    let sent = 0
    for await (const piece of content.pieces?.() ?? []) {
      sent += piece.length
      if (sent > leastBytes) break
    }
  }
  return { bytes, hash, content, seen, send }
}

test('the hash is of the attempt that sent everything, not of those before it', async () => {
  const { bytes, hash, seen, send } = await stage(2_000_000)
  await send(700_000)
  expect(hash.hex(bytes.length)).toBeUndefined()
  await send()
  expect(hash.hex(bytes.length)).toBe(sha256Of(bytes))
  expect(seen.at(-1)).toBe(bytes.length)
})

test('a small file is hashed in one piece, however often it is sent', async () => {
  const { bytes, hash, content } = await stage(5_000)
  for (let attempt = 0; attempt < 2; attempt += 1) expect(content.whole?.()).toEqual(bytes)
  expect(hash.hex(bytes.length)).toBe(sha256Of(bytes))
})
