/** Webhooks of jobs that come over HTTP: refused at the door where the workers would refuse them later. */

import { expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'
import { deployApi } from './api.ts'

const body = { mediaId: 'unknown' }

test('a webhook is refused where this deployment has none', async () => {
  const api = await deployApi()
  const webhook = 'https://app.example.com/s3cret'
  const answer = await api.shop.call('POST', '/v1/jobs/download', { ...body, webhook })
  expect([answer.status, answer.body.kind]).toEqual([400, 'invalid'])
  expect(answer.body.detail).toMatch(/WECOM_MEDIA_WEBHOOK_HOSTS.*or leave webhook out/)
  expect(JSON.stringify(answer.body)).not.toContain('s3cret')
  expect(await api.redis.zcard(`${api.namespace}:open`)).toBe(0)
})

test('a webhook to a host that is not allowed is refused, and one that is allowed hears of the end', async () => {
  const receiver = await startWebhookReceiver()
  const api = await deployApi({ env: receiver.env })
  const post = (webhook: unknown) => api.shop.call('POST', '/v1/jobs/download', { ...body, webhook })
  expect(await post('http://127.0.0.1:1/s3cret')).toMatchObject({ status: 403 })
  expect(await post('http://other.example/s3cret')).toMatchObject({ status: 403 })
  expect(await post('file:///etc/passwd')).toMatchObject({ status: 400 })
  const posted = await post(receiver.url)
  expect(posted.status).toBe(202)
  await until('the message', () => receiver.messages.length === 1)
  expect(JSON.parse(receiver.messages[0]?.body ?? '').data).toMatchObject({
    ...{ id: posted.body.id, state: 'failed', fault: { kind: 'gone', errcode: 40007 } },
  })
})
