/** The platform's callbacks over all of their parts: HTTP, receiver, Redis, jobs. Ids: notes/reliability.md §6. */

import { describe, expect, test } from 'vitest'
import { createAdmin } from '../../src/queues/admin.ts'
import { type SealOptions, sealed } from '../callback/sealed.ts'
import { account, bytesOf, callbackKeys, deploy } from '../support/deployment.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const aesKey = 'ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkj'
const nowS = () => Math.floor(Date.now() / 1000)

const post = (url: string, { query, body }: ReturnType<typeof sealed>) =>
  fetch(`${url}?${new URLSearchParams(query)}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/xml' },
  })

const finished = (jobId: string, to: Partial<SealOptions> & { readonly atS?: number } = {}) =>
  sealed({
    ...{ ...callbackKeys, receiveId: account.corpId, timestampS: nowS() },
    message: `<xml><ToUserName><![CDATA[x]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName><CreateTime>${to.atS ?? nowS()}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[upload_media_job_finish]]></Event><JobId><![CDATA[${jobId}]]></JobId></xml>`,
    ...to,
  })

describe('a callback URL', () => {
  test('passes the check of the console, and refuses everything that is not signed for it', async () => {
    const { simulator, startHere, callbackUrl } = await deploy({ callback: true })
    await startHere()
    expect(await simulator.verifyCallback()).toMatchObject({ ok: true, status: 200 })
    const stranger = sealed({
      ...callbackKeys,
      aesKey,
      receiveId: account.corpId,
      message: 'x',
      timestampS: nowS(),
    })
    const answers = await Promise.all([
      fetch(callbackUrl),
      fetch(callbackUrl, { method: 'POST', body: '<xml></xml>' }),
      post(callbackUrl, stranger),
      post(`${callbackUrl}/ww_other`, finished('j1')),
      post(`${callbackUrl}/$CORPID$`, finished('j1')),
    ])
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    expect(await Promise.all(answers.map(answer => answer.text()))).toEqual(['', '', '', '', ''])
    const statuses = await Promise.all([
      fetch(callbackUrl, { method: 'PUT', body: 'x' }),
      fetch(callbackUrl.replace('default', 'nobody')),
      fetch(callbackUrl.replace('/callback/default', '/')),
      fetch(callbackUrl, { method: 'POST', body: 'x'.repeat(70_000) }),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([405, 404, 404, 413])
    const unreadable = await fetch(callbackUrl.replace('default', '%zz?echostr=SECRET'))
    expect([unreadable.status, await unreadable.text()]).toEqual([400, ''])
    expect(unreadable.headers.get('x-content-type-options')).toBe('nosniff')
    expect(statuses.every(({ headers }) => headers.get('x-content-type-options') === 'nosniff')).toBe(true)
    expect((await post(`${callbackUrl}/${account.corpId}`, finished('j1'))).status).toBe(200)
  })

  test('takes a plus in Base64 for a plus', async () => {
    const { startHere, callbackUrl } = await deploy({ callback: true })
    await startHere()
    const check = () =>
      sealed({ ...callbackKeys, receiveId: account.corpId, message: '42', timestampS: nowS() })
    let found = check()
    while (!found.encrypt.includes('+')) found = check()
    const answer = await fetch(`${callbackUrl}?${new URLSearchParams(found.query)}&echostr=${found.encrypt}`)
    expect([answer.status, await answer.text()]).toEqual([200, '42'])
  })

  test('takes no parameter that comes twice', async () => {
    const { startHere, callbackUrl } = await deploy({ callback: true })
    await startHere()
    const { query, body } = finished('j1')
    const twice = `${new URLSearchParams(query)}&nonce=other`
    expect((await fetch(`${callbackUrl}?${twice}`, { method: 'POST', body })).status).toBe(403)
  })

  test('K04 answers a replay without doing it again, and refuses what is old', async () => {
    const { startHere, callbackUrl } = await deploy({ callback: true })
    const app = await startHere()
    const callback = finished('jobid_1')
    expect((await post(callbackUrl, callback)).status).toBe(200)
    expect((await post(callbackUrl, callback)).status).toBe(200)
    const metrics = await (await fetch(`${app.url}/metrics`)).text()
    const counted = (outcome: string) =>
      `party="default",event="job-finished",outcome="${outcome}",reason="none"} 1`
    expect(metrics).toContain(counted('accepted'))
    expect(metrics).toContain(counted('replayed'))
    expect((await post(callbackUrl, finished('jobid_1', { atS: nowS() - 11 * 60 }))).status).toBe(403)
  })

  test('K07 answers 500 while Redis is away, and settles what is delivered again', async () => {
    const redis = await startRedis()
    const deployment = await deploy({ callback: true, redisUrl: redis.url })
    await deployment.startHere()
    const callback = finished('jobid_7')
    await redis.kill()
    expect((await post(deployment.callbackUrl, callback)).status).toBe(500)
    await redis.restart()
    await until('it is taken', async () => (await post(deployment.callbackUrl, callback)).status === 200)
  }, 30_000)

  test('answers within the deadline under load', async () => {
    const { startHere, callbackUrl } = await deploy({ callback: true })
    await startHere()
    const slowest = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        const begunMs = performance.now()
        const { status } = await post(callbackUrl, finished(`jobid_${n}`))
        expect(status).toBe(200)
        return performance.now() - begunMs
      }),
    ).then(all => Math.max(...all))
    // The platform cuts the connection after 5 s.
    expect(slowest).toBeLessThan(5_000)
  })
})

describe('a message with a medium', () => {
  test('becomes one download, however often it is delivered, where the app asks for it', async () => {
    const env = { WECOM_CALLBACK_DOWNLOAD: 'image' }
    const { simulator, startHere, redis, namespace, producer } = await deploy({ callback: true, env })
    simulator.callbackFaults.add({ event: 'image', do: 're-sign', copies: 2 })
    await startHere()
    const content = Buffer.from('what a user sent')
    const { mediaId } = await simulator.addMedia({
      name: 'photo.jpg',
      contentBase64: content.toString('base64'),
    })
    simulator.sendMessage({ type: 'image', mediaId })
    simulator.sendMessage({ type: 'voice', mediaId })
    await simulator.waitForDelivery({ event: 'image', outcome: 'received' }, { count: 3 })
    await simulator.waitForDelivery({ event: 'voice', outcome: 'received' })
    const [id] = await until('the job is there', async () => {
      const ids = await redis.zrange(`${namespace}:download:completed`, '0', '-1')
      return ids.length > 0 ? ids : undefined
    })
    const { path } = (await producer.result(String(id))) as { path: string }
    expect((await bytesOf({ path })).equals(content)).toBe(true)
    const admin = createAdmin(redis, namespace, () => undefined)
    const jobs = (await admin.depths()).filter(({ jobs }) => jobs > 0)
    expect(jobs).toEqual([{ queue: 'download', state: 'completed', jobs: 1 }])
    await admin.close()
  })
})

describe('a third-party app', () => {
  const suite = {
    suiteId: 'ww_suite_1',
    suiteSecret: 'suite-secret-of-no-value',
    providerCorpId: 'ww_provider',
  }
  const tenants = [
    { suiteId: suite.suiteId, corpId: 'ww_tenant_a', permanentCode: 'code-of-a-no-value' },
    { suiteId: suite.suiteId, corpId: 'ww_tenant_b', permanentCode: 'code-of-b-no-value' },
  ] as const

  test('waits for its ticket, and uploads for each company with a token of its own', async () => {
    const { simulator, startHere, callbackUrl, producer, put } = await deploy({ callback: true })
    const keys = { token: 'SuiteToken1', aesKey }
    const url = callbackUrl.replace('default', 'drive')
    const callback = { ...keys, url: `${url}/$CORPID$`, commandUrl: url }
    simulator.directory.add({ suites: [{ ...suite, callback }], tenants })
    const third = (corpId: string, permanentCode: string) =>
      ({ kind: 'third-party', suite: 'drive', corpId, permanentCode }) as const
    await startHere({
      apps: {
        default: account,
        a: third(tenants[0].corpId, tenants[0].permanentCode),
        b: third(tenants[1].corpId, tenants[1].permanentCode),
      },
      suites: { drive: { ...suite, callback: { ...keys, download: ['image'] } } },
    })
    expect(await simulator.verifyCallback({ suiteId: suite.suiteId })).toMatchObject({ ok: true })
    const stranger = finished('j1', { ...keys, receiveId: 'ww_stranger' })
    expect((await post(url, stranger)).status).toBe(403)
    const source = { path: await put('a.txt', 'six bytes and more') }
    const early = await producer.upload({ app: 'a', type: 'file', source })
    await until(
      'it waits for the ticket',
      async () => (await producer.read(early.id))?.waiting?.why.kind === 'unavailable',
    )
    simulator.pushTicket(suite.suiteId)
    const [delivery] = await simulator.waitForDelivery({ event: 'suite_ticket' })
    expect(delivery).toMatchObject({ outcome: 'received', attempts: [{ status: 200, body: 'success' }] })
    for (const { corpId } of tenants) {
      const app = corpId === 'ww_tenant_a' ? 'a' : 'b'
      await producer.result(await producer.upload({ app, type: 'file', source }), { timeoutMs: 10_000 })
      expect(simulator.count({ method: 'media/upload', corp: corpId, errcode: 0 })).toBe(1)
    }
    expect(simulator.count({ method: 'service/get_suite_token' })).toBe(1)
    expect(simulator.count({ method: 'service/get_corp_token' })).toBe(2)
    const { mediaId } = await simulator.addMedia({ corpId: 'ww_tenant_b', name: 'b.jpg', sizeBytes: 100 })
    simulator.sendMessage({ suiteId: suite.suiteId, corpId: 'ww_tenant_b', type: 'image', mediaId })
    await simulator.waitForDelivery({ event: 'image', outcome: 'received' })
    await until(
      'it is fetched for that company',
      () => simulator.count({ method: 'media/get', corp: 'ww_tenant_b' }) === 1,
    )
  }, 30_000)
})
