/** A message to a stranger's server: what is sent, and that no server can hold the sender for long. */

import { expect, test } from 'vitest'
import { head, send } from '../support/origin.ts'
import { kindOf } from './kind-of.ts'
import { length, site } from './web.ts'

const signal = new AbortController().signal
const posting = (url: string) => ({ url, headers: { 'x-signed': 'yes' }, body: '{"字":1}', signal })

test('the message arrives with its headers, and the status is the answer', async () => {
  const { web, url, asks } = await site((_, socket) => send(socket, head('202 Accepted', length(2)), 'ok'))
  expect(await web.post(posting(url))).toEqual({ status: 202, site: new URL(url).origin })
  const headers = asks[0]?.headers
  expect([headers?.get('x-signed'), headers?.get('content-length'), headers?.get('cookie')]).toEqual([
    'yes',
    '9',
    undefined,
  ])
})

test.each([301, 302, 307, 308])('a redirect (%i) is an answer like any other', async status => {
  const { web, url, asks } = await site((_, socket) =>
    send(socket, head(`${status} Moved`, length(0), 'Location: http://127.0.0.1/elsewhere')),
  )
  expect(await web.post(posting(url))).toMatchObject({ status })
  expect(asks).toHaveLength(1)
})

test('Retry-After is told, within bounds', async () => {
  const { web, url } = await site((_, socket) =>
    send(socket, head('503 Busy', length(0), 'Retry-After: 99999')),
  )
  expect(await web.post(posting(url))).toMatchObject({ status: 503, waitMs: 600_000 })
})

test('a server that never answers is given up', async () => {
  const { web, url } = await site(() => undefined, { timeouts: { connectMs: 50, headMs: 50 } })
  expect(await kindOf(() => web.post(posting(url)))).toBe('transient')
})

test('a body that drips or never ends changes nothing of a status that has come', async () => {
  const timeouts = { noProgressMs: 80, speedWindowMs: 100 }
  const dripping = await site((_, socket) => send(socket, head('200 OK', length(1_000)), 'x'), { timeouts })
  expect(await dripping.web.post(posting(dripping.url))).toMatchObject({ status: 200 })
  const endless = await site((_, socket) => {
    const pour = (): void => void socket.write('x'.repeat(65_536), error => error ?? setImmediate(pour))
    socket.write(head('200 OK', length(10 ** 12)))
    pour()
  })
  expect(await endless.web.post(posting(endless.url))).toMatchObject({ status: 200 })
})

test('a server that hangs up without an answer is tried again', async () => {
  const { web, url } = await site((_, socket) => socket.destroy())
  expect(await kindOf(() => web.post(posting(url)))).toBe('transient')
})

test('the caller can end it', async () => {
  const over = new AbortController()
  const { web, url } = await site(() => over.abort(new Error('enough')))
  await expect(web.post({ ...posting(url), signal: over.signal })).rejects.toThrow('enough')
})
