import { expect, test } from 'vitest'
import { type Closers, closingAfter } from '../../src/commands/closers.ts'

/** Three closers, the second of which fails. */
const deferThree = ({ defer }: Closers, order: number[]): void => {
  defer(() => order.push(1))
  defer(async () => {
    order.push(2)
    throw new Error('closing')
  })
  defer(() => order.push(3))
}

test('everything is closed, the last first, though one of them fails; and that is told', async () => {
  const order: number[] = []
  await expect(closingAfter(async closers => deferThree(closers, order))).rejects.toThrow('closing')
  expect(order).toEqual([3, 2, 1])
})

test('an error of the work comes before those of closing', async () => {
  const order: number[] = []
  const work = async (closers: Closers): Promise<void> => {
    deferThree(closers, order)
    throw new Error('work')
  }
  await expect(closingAfter(work)).rejects.toThrow('work')
  expect(order).toEqual([3, 2, 1])
})

test('the result of the work is answered after the last closing', async () => {
  let closed = false
  const result = closingAfter(async ({ defer }) => {
    defer(() => {
      closed = true
    })
    return 7
  })
  expect(await result).toBe(7)
  expect(closed).toBe(true)
})
