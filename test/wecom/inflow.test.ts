import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import { afterEach, expect, test } from 'vitest'
import { ask } from '../../src/wecom/inflow.ts'

const content = Buffer.from(Array.from({ length: 3_000_017 }, (_, n) => (n * 7 + (n >> 9)) % 256))
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const site = async (answer: RequestListener) => {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const agent = new Agent({ connections: 1 })
  closing.push(
    () => agent.destroy(),
    () => new Promise(resolve => server.close(resolve)),
  )
  const { port } = server.address() as AddressInfo
  return (signal = new AbortController().signal) =>
    ask(agent, { origin: `http://127.0.0.1:${port}`, path: '/', method: 'GET' }, signal)
}

const asked = async (answer: RequestListener, signal?: AbortSignal) => (await site(answer))(signal)

test.each([
  ['shorter than a block', 100_000, true],
  ['shorter than one arrival', 10, true],
  ['empty', 0, true],
  ['longer than two blocks', content.length, true],
  ['of unknown length', content.length, false],
])('a body %s comes whole, also to a reader that is slow', async (_, bytes, isLengthKnown) => {
  const sent = content.subarray(0, bytes)
  const inflow = await asked((_request, response) => {
    if (isLengthKnown) response.setHeader('content-length', bytes)
    response.end(sent)
  })
  const copies: Buffer[] = []
  for await (const piece of inflow.chunks()) {
    // The piece stays as it is while the next ones come in.
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    copies.push(Buffer.from(piece))
  }
  expect(Buffer.concat(copies).equals(sent)).toBe(true)
  expect(await inflow.ended).toBeUndefined()
})

test('an answer that has come whole, but is never read, ends when its signal says so', async () => {
  const controller = new AbortController()
  const get = await site((_request, response) => response.end('all of it'))
  const unread = get(controller.signal)
  // Over the same connection, so the first one is through.
  await get().head
  controller.abort(new Error('too late'))
  expect(await unread.ended).toMatchObject({ error: { message: 'too late' } })
  await expect(unread.chunks().next()).rejects.toThrow('too late')
})

test('a reader that stops holds no more than two blocks', async () => {
  let written = 0
  const inflow = await asked((_request, response) => {
    const more = (): void => {
      while (written < 500_000_000 && response.write(content)) written += content.length
    }
    response.on('drain', more)
    more()
  })
  const chunks = inflow.chunks()
  await chunks.next()
  let before = -1
  // What the kernel's buffers take, and then nothing.
  while (before !== written) {
    before = written
    await new Promise(resolve => setTimeout(resolve, 30))
  }
  expect(written).toBeLessThan(100_000_000)
  inflow.destroy()
  expect(await inflow.ended).toBeUndefined()
})

test('a signal ends it before the head and in the body, with its reason', async () => {
  const reason = new Error('enough')
  const early = new AbortController()
  const waiting = await asked(() => early.abort(reason), early.signal)
  await expect(waiting.head).rejects.toBe(reason)
  const late = new AbortController()
  const reading = await asked((_request, response) => void response.write('begin'), late.signal)
  const chunks = reading.chunks()
  await chunks.next()
  late.abort(reason)
  await expect(chunks.next()).rejects.toBe(reason)
  expect(await reading.ended).toEqual({ error: reason })
})
