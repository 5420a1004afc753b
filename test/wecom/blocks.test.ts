/** The memory of answers: the same blocks again, but none that somebody may still look at. */

import { expect, test } from 'vitest'
import { Blocks } from '../../src/wecom/blocks.ts'

const mib = 1024 * 1024

/** The memory that an answer of 4 MiB goes through, each piece read before the next comes. */
function through(blocks: Blocks): Set<ArrayBufferLike> {
  const seen = new Set<ArrayBufferLike>()
  for (let toCome = 4 * mib; toCome > 0; toCome -= mib) {
    blocks.add(Buffer.alloc(mib / 2), toCome)
    const piece = blocks.take()
    // Comes while that one is being read.
    blocks.add(Buffer.alloc(mib / 2), toCome - mib / 2)
    if (piece) seen.add(piece.buffer)
    const next = blocks.take()
    if (next) seen.add(next.buffer)
  }
  return seen
}

const read = (): Set<ArrayBufferLike> => {
  const blocks = new Blocks()
  const seen = through(blocks)
  expect(blocks.take()).toBeUndefined()
  blocks.end({ isRead: true })
  return seen
}

test('an answer takes two blocks, and the next one the same two', () => {
  const first = read()
  expect(first.size).toBe(2)
  expect(read().isSubsetOf(first)).toBe(true)
})

test('an answer that was left in the middle keeps its blocks', () => {
  const known = read()
  const left = new Blocks()
  const seen = through(left)
  expect(seen.isSubsetOf(known)).toBe(true)
  left.end({ isRead: false })
  expect(read().isDisjointFrom(seen)).toBe(true)
})

test('what is lent is not filled again before the next piece is taken', () => {
  const blocks = new Blocks()
  blocks.add(Buffer.from('one'), 100)
  const one = blocks.take()
  blocks.add(Buffer.from('two'), 97)
  expect(one?.toString()).toBe('one')
  expect(blocks.take()?.toString()).toBe('two')
  expect(blocks.take()).toBeUndefined()
})
