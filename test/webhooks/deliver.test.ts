/** One delivery by what it is answered with: which fault, which gap, which label of the metric. No network. */

import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import type { Posting } from '../../src/files/http.ts'
import type { JobRecord } from '../../src/record/index.ts'
import { createDeliverer, type DeliveryOutcome } from '../../src/webhooks/deliver.ts'
import { createSites } from '../../src/webhooks/sites.ts'
import { setClock } from '../support/set-clock.ts'

const webhook = 'https://app.example.com/ended?for=s3cret'
const record = { id: 'a', name: 'media.upload', state: 'done', createdAtMs: 1, webhook } as JobRecord

type Reply = { readonly status: number; readonly waitMs?: number } | Fault

const stage = (reply: Reply, secrets: readonly string[] = ['x'.repeat(24)]) => {
  const clock = setClock(1_700_000_000_000)
  const told: DeliveryOutcome[] = []
  const sent: Posting[] = []
  const post = async (posting: Posting) => {
    sent.push(posting)
    if (reply instanceof Fault) throw reply
    return { site: 'https://app.example.com', ...reply }
  }
  const sites = createSites({ clock, places: 4, random: () => 0.5 })
  const parts = { web: { post }, sites, secrets, clock, random: () => 0.5, isOn: true }
  const deliver = createDeliverer({ ...parts, onDelivery: outcome => told.push(outcome) })
  const { signal } = new AbortController()
  const attempt = (attemptsMade = 0, isLast = false): Promise<unknown> =>
    deliver({ id: 'k1', record, app: 'default', attemptsMade, isLast, signal }).catch((error: Fault) => error)
  return { attempt, told, sent }
}

test.each([200, 201, 202, 204, 299])('HTTP %i is a success', async status => {
  const { attempt, told } = stage({ status })
  expect(await attempt()).toEqual({ status })
  expect(told).toEqual(['delivered'])
})

test.each<[Reply, number]>([
  [{ status: 199 }, 5_000],
  [{ status: 302 }, 5_000],
  [{ status: 400 }, 5_000],
  [{ status: 401 }, 5_000],
  [{ status: 404 }, 5_000],
  [{ status: 500 }, 5_000],
  [{ status: 503, waitMs: 40_000 }, 40_000],
  [{ status: 429, waitMs: 1_000 }, 5_000],
  [new Fault('transient', 'https://app.example.com: no answer'), 5_000],
  [new Fault('rejected', 'https://app.example.com: no trusted TLS connection'), 5_000],
])('%o is tried again after %i ms, and fails at last', async (reply, waitMs) => {
  const { attempt, told } = stage(reply)
  expect(await attempt()).toMatchObject({ kind: 'transient', waitMs })
  expect(await attempt(11, true)).toMatchObject({ kind: 'transient' })
  expect(told).toEqual(['retry', 'failed'])
})

test('HTTP 410 and what our settings refuse end it', async () => {
  const gone = stage({ status: 410 })
  expect(await gone.attempt()).toMatchObject({ kind: 'rejected' })
  const refused = stage(new Fault('forbidden-address', 'x'))
  expect(await refused.attempt()).toMatchObject({ kind: 'forbidden-address' })
  const unsigned = stage({ status: 200 }, [])
  expect(await unsigned.attempt()).toMatchObject({ kind: 'config' })
  expect(unsigned.sent).toEqual([])
  expect([gone.told, refused.told, unsigned.told]).toEqual([['gone'], ['refused'], ['refused']])
})

test('no message of a fault has the path or query of the URL', async () => {
  for (const status of [302, 410, 500]) {
    const fault = (await stage({ status }).attempt()) as Fault
    expect(fault.message).not.toMatch(/ended|s3cret/)
  }
})

test('a message is signed anew at each attempt, with the time of that attempt', async () => {
  const { attempt, sent } = stage({ status: 500 })
  await attempt()
  expect(sent[0]?.headers).toMatchObject({ 'webhook-id': 'k1', 'webhook-timestamp': '1700000000' })
})
