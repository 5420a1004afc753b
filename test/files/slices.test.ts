import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerLine, parseList, sliceLine } from '../../src/files/slice-list.ts'
import { isSliceBytes, lengthOf, sliceCount, sliceProblem, sliceRange } from '../../src/files/slices.ts'
import { together } from '../../src/files/together.ts'

const sizes = {
  totalBytes: fc.integer({ min: 1, max: 10 ** 9 }),
  blocks: fc.integer({ min: 1, max: 1_310_720 }),
}

test('slices cover a file without gap or overlap, each a multiple of 16 but the last', () => {
  fc.assert(
    fc.property(fc.record(sizes), ({ totalBytes, blocks }) => {
      const sliceBytes = Math.max(blocks * 16, Math.ceil(totalBytes / 1_000 / 16) * 16)
      let next = 0
      const count = sliceCount(totalBytes, sliceBytes)
      for (let index = 0; index < count; index += 1) {
        const range = sliceRange(index, sliceBytes, totalBytes)
        expect(range.start).toBe(next)
        expect(lengthOf(range) === sliceBytes || index === count - 1).toBe(true)
        next = range.end + 1
      }
      expect(next).toBe(totalBytes)
    }),
    { numRuns: 50 },
  )
})

test.each([16, 8 * 1_024 * 1_024, 20 * 1_024 * 1_024])('%d bytes are a slice', bytes => {
  expect(isSliceBytes(bytes)).toBe(true)
})

test('only the answer asked for is without a problem', () => {
  const shift = fc.constantFrom(0, 0, 0, 0, 0, 1, -1, 16, -16)
  const shifts = fc.record({ start: shift, end: shift, totalBytes: shift, lengthBytes: shift })
  let rights = 0
  fc.assert(
    fc.property(fc.nat(2), fc.integer({ min: 1, max: 48 }), shifts, (index, total, by) => {
      const asked = sliceRange(index, 16)
      const totalBytes = total + by.totalBytes
      const start = asked.start + by.start
      const end = Math.min(asked.end, total - 1) + by.end
      const lengthBytes = end - start + 1 + by.lengthBytes
      const isRight =
        start === asked.start &&
        end === Math.min(asked.end, totalBytes - 1) &&
        end >= start &&
        by.lengthBytes === 0
      const problem = sliceProblem(asked, { framed: true, lengthBytes, range: { start, end, totalBytes } })
      expect(problem === undefined).toBe(isRight)
      rights += isRight ? 1 : 0
    }),
    { numRuns: 2_000 },
  )
  expect(rights).toBeGreaterThan(50)
})

test('a list reads back as it was written, in the order of the file, and to any cut of it as a prefix', () => {
  const facts = { totalBytes: 100, sliceBytes: 16, name: '报告\n"x".pdf' }
  const hash = 'a'.repeat(64)
  const slices = [3, 0, 6].map(index => {
    const range = sliceRange(index, 16, 100)
    return { startBytes: range.start, lengthBytes: lengthOf(range), sha256: hash, isRunning: index === 3 }
  })
  const text = headerLine(facts) + slices.map(sliceLine).join('')
  const sorted = [...slices].sort((a, b) => a.startBytes - b.startBytes)
  expect(parseList(text)).toEqual({ facts, slices: sorted })
  for (let cut = 0; cut < text.length; cut += 1) {
    const parsed = parseList(text.slice(0, cut))
    const lines = text.slice(0, cut).split('\n').length - 1
    expect(parsed?.slices.length).toBe(lines === 0 ? undefined : lines - 1)
  }
})

test('work together is over when the answer comes, even if the first piece failed', async () => {
  let running = 0
  const work = async (item: number, signal: AbortSignal): Promise<undefined> => {
    running += 1
    await new Promise(resolve =>
      item === 1 ? setImmediate(resolve) : signal.addEventListener('abort', resolve),
    )
    await new Promise(setImmediate)
    running -= 1
    throw new Error(`piece ${item}`)
  }
  const { signal } = new AbortController()
  await expect(together([0, 1, 2, 3], 3, signal, work)).rejects.toThrow('piece 1')
  expect(running).toBe(0)
})
