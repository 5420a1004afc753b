/** The signature, by the example of the standard; and the message and the gaps, which are arithmetic. */

import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { jobs } from '../../src/queues/jobs.ts'
import type { JobRecord } from '../../src/record/index.ts'
import { messageOf } from '../../src/webhooks/message.ts'
import { gapAfter, gapsMs } from '../../src/webhooks/schedule.ts'
import { signedHeaders } from '../../src/webhooks/signature.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const signed = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampS: 1_614_265_330,
  body: '{"test": 2432232314}',
}

test('the example of Standard Webhooks gets its signature', () => {
  expect(signedHeaders([secret], signed)).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('a plain secret signs as it stands, and two secrets sign side by side', () => {
  const plain = 'a plain secret of enough length'
  const mac = createHmac('sha256', plain).update(`${signed.id}.${signed.timestampS}.${signed.body}`)
  const { 'webhook-signature': both } = signedHeaders([plain, secret], signed)
  expect(both).toBe(`v1,${mac.digest('base64')} v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`)
})

const record = (result: unknown) =>
  ({ id: 'a', name: 'media.article', state: 'done', createdAtMs: 1, endedAtMs: 2, result }) as JobRecord

test('a large result is left out, whatever its characters weigh', () => {
  const dataWith = (length: number) =>
    JSON.parse(messageOf(record({ html: '字'.repeat(length) }), 'default')).data
  expect(dataWith(5_000).result.html).toHaveLength(5_000)
  expect(dataWith(6_000)).toMatchObject({ id: 'a', resultOmitted: true })
  expect(dataWith(6_000)).not.toHaveProperty('result')
})

test('the gaps grow to about a day in all, and there is one before each attempt but the first', () => {
  expect(gapsMs).toHaveLength(jobs['media.notify'].attempts - 1)
  expect(gapsMs.toSorted((a, b) => a - b)).toEqual(gapsMs)
  const hours = gapsMs.reduce((sum, ms) => sum + ms) / 3_600_000
  expect(hours).toBeGreaterThan(20)
  expect(hours * 1.2).toBeLessThan(jobs['media.notify'].deadlineMs / 3_600_000)
})

test('a gap varies by a fifth, and is longer where the receiver asks for it', () => {
  expect([0, 0.5, 1].map(random => gapAfter(0, 0, () => random))).toEqual([4_000, 5_000, 6_000])
  expect(gapAfter(0, 60_000, () => 0.5)).toBe(60_000)
  expect(gapAfter(3, 60_000, () => 0.5)).toBe(300_000)
})
