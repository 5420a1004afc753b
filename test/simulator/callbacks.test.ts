import { describe, expect, it, test } from 'vitest'
import { createControl, type Simulator, simulate } from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'
import { field, keys, startReceiver, withCallback } from './receiver.ts'
import { startSimulator } from './wire.ts'

const image = { type: 'image', mediaId: 'm1' } as const
const suite = { suiteId: 'ww_suite', suiteSecret: 'ss', providerCorpId: 'ww_provider' }

const deliver = async (simulator: Simulator, message = image) => {
  const { id } = simulator.sendMessage(message)
  const [delivery] = await simulator.waitForDelivery({ id })
  return delivery ?? expect.unreachable()
}

describe('a callback', () => {
  it('comes as the manual says: signed, encrypted for the corp, in an envelope', async () => {
    const receiver = await startReceiver()
    const simulator = await startSimulator({
      ...withCallback(receiver),
      startMs: 1_700_000_000_000,
      frozen: true,
    })
    const delivery = await deliver(simulator)
    const [received] = receiver.received
    expect(received).toMatchObject({ path: '/callback', signed: true, receiver: 'ww_one' })
    expect(received?.query.get('timestamp')).toBe('1700000000')
    expect([...(received?.query.keys() ?? [])]).toEqual(['msg_signature', 'timestamp', 'nonce'])
    expect(received?.body).toMatch(
      /^<xml><ToUserName><!\[CDATA\[ww_one\]\]><\/ToUserName><AgentID><!\[CDATA\[1000002\]\]><\/AgentID><Encrypt><!\[CDATA\[[A-Za-z0-9+/=]+\]\]><\/Encrypt><\/xml>$/,
    )
    expect(field(received?.message ?? '', 'MediaId')).toBe('m1')
    expect(field(received?.message ?? '', 'CreateTime')).toBe('1700000000')
    expect(delivery).toMatchObject({
      event: 'image',
      corp: 'ww_one',
      mediaId: 'm1',
      state: 'done',
      outcome: 'received',
      message: received?.message,
      body: received?.body,
      simulatorAtMs: 1_700_000_000_000,
      attempts: [{ status: 200, body: '' }],
    })
    expect(delivery.attempts[0]?.ms).toBeLessThan(2000)
  })

  it('is sent again with the same bytes until it is answered 200', async () => {
    const receiver = await startReceiver([500, 204])
    const simulator = await startSimulator(withCallback(receiver))
    const { outcome, attempts } = await deliver(simulator)
    expect(outcome).toBe('received')
    expect(attempts.map(({ status }) => status)).toEqual([500, 204, 200])
    expect(new Set(receiver.received.map(({ body, query }) => `${query}${body}`)).size).toBe(1)
  })

  it('is given up after three attempts, with a gap between them', async () => {
    const receiver = await startReceiver([500, 500, 500])
    const simulator = await startSimulator(withCallback(receiver, { callbackRetryGapMs: 40 }))
    const { outcome, attempts } = await deliver(simulator)
    expect(outcome).toBe('failed')
    expect(attempts).toHaveLength(3)
    expect(receiver.received).toHaveLength(3)
    const [first, second] = attempts
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(39)
  })

  it.each([
    ['without an answer', 'hang' as const],
    [
      'whose answer never ends',
      (response: import('node:http').ServerResponse) => void response.write('half'),
    ],
  ])('%s in time is cut and sent again', async (_, answer) => {
    const receiver = await startReceiver([answer])
    const simulator = await startSimulator(withCallback(receiver, { callbackTimeoutMs: 50 }))
    const { outcome, attempts } = await deliver(simulator)
    expect(outcome).toBe('received')
    expect(attempts).toMatchObject([{ error: 'timeout' }, { status: 200 }])
    expect(attempts[0]?.ms).toBeGreaterThanOrEqual(49)
  })

  it('to nobody fails with the reason', async () => {
    const target = { ...keys, url: 'http://127.0.0.1:1/' }
    const simulator = await startSimulator({
      apps: [{ corpId: 'ww_one', secret: 's1', callback: target }],
      switches: { callbackRetryGapMs: 0 },
    })
    expect(await deliver(simulator)).toMatchObject({
      outcome: 'failed',
      attempts: [{ error: 'ECONNREFUSED' }, { error: 'ECONNREFUSED' }, { error: 'ECONNREFUSED' }],
    })
  })

  it('does not wait for a slow one before it', async () => {
    const receiver = await startReceiver(['hang'])
    const simulator = await startSimulator(withCallback(receiver))
    const slow = simulator.sendMessage(image)
    expect((await deliver(simulator)).outcome).toBe('received')
    expect(simulator.deliveries({ id: slow.id })).toMatchObject([{ state: 'open', attempts: [] }])
  })

  it('keeps the query of its URL', async () => {
    const receiver = await startReceiver()
    const target = { ...keys, url: `${receiver.url}?app=a%26b` }
    const simulator = await startSimulator({ apps: [{ corpId: 'ww_one', secret: 's1', callback: target }] })
    await deliver(simulator)
    expect(receiver.received[0]?.query.get('app')).toBe('a&b')
    expect(receiver.received[0]?.signed).toBe(true)
  })
})

describe('by script a callback', () => {
  const scripted = async (answers: Parameters<typeof startReceiver>[0] = []) => {
    const receiver = await startReceiver(answers)
    const simulator = await startSimulator(withCallback(receiver))
    return { receiver, simulator }
  }

  it('is dropped', async () => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ event: 'image', do: 'drop' })
    expect(await deliver(simulator)).toMatchObject({ outcome: 'dropped', attempts: [], fault: 'drop' })
    await deliver(simulator)
    expect(receiver.received).toHaveLength(1)
  })

  it('is sent again, the same bytes', async () => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ do: 'duplicate', copies: 2 })
    const { id } = await deliver(simulator)
    const all = await simulator.waitForDelivery({ event: 'image' }, { count: 3 })
    expect(all.map(({ copyOf }) => copyOf)).toEqual([undefined, id, id])
    expect(new Set(receiver.received.map(({ body, query }) => `${query}${body}`)).size).toBe(1)
    expect(receiver.received).toHaveLength(3)
  })

  it.each([
    [true, 2],
    [false, 1],
  ])('is signed again, encrypted again: %s', async (reencrypt, ciphertexts) => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ do: 're-sign', reencrypt })
    await deliver(simulator)
    await simulator.waitForDelivery({ event: 'image' }, { count: 2 })
    const { received } = receiver
    expect(received.every(({ signed }) => signed)).toBe(true)
    expect(new Set(received.map(({ query }) => query.get('msg_signature'))).size).toBe(2)
    expect(new Set(received.map(({ body }) => field(body, 'Encrypt'))).size).toBe(ciphertexts)
    expect(new Set(received.map(({ message }) => message)).size).toBe(1)
  })

  it('comes later', async () => {
    const { simulator } = await scripted()
    simulator.callbackFaults.add({ do: 'delay', ms: 60 })
    const { atMs, attempts } = await deliver(simulator)
    expect((attempts[0]?.atMs ?? 0) - atMs).toBeGreaterThanOrEqual(59)
  })

  it('comes after the one behind it', async () => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ event: 'voice', do: 'reorder' })
    simulator.sendMessage({ type: 'voice', mediaId: 'v' })
    simulator.sendMessage({ type: 'video', mediaId: 'v' })
    await simulator.waitForDelivery({ event: 'voice' })
    expect(receiver.events()).toEqual(['video', 'voice'])
  })

  it('waits until it is released', async () => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ do: 'hold' })
    const { id } = simulator.sendMessage(image)
    await deliver(simulator)
    expect(simulator.deliveries({ id })).toMatchObject([{ state: 'waiting' }])
    expect(simulator.releaseDeliveries(id)).toBe(1)
    await simulator.waitForDelivery({ id })
    expect(receiver.received).toHaveLength(2)
  })

  it('is signed wrongly', async () => {
    const { receiver, simulator } = await scripted([403, 403, 403])
    simulator.callbackFaults.add({ do: 'garble' })
    expect((await deliver(simulator)).outcome).toBe('failed')
    expect(receiver.received.map(({ signed }) => signed)).toEqual([false, false, false])
    await deliver(simulator)
    expect(receiver.received.at(-1)?.signed).toBe(true)
  })

  it('is for somebody else', async () => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ do: 'wrong-receiver' })
    simulator.callbackFaults.add({ nth: 2, do: 'wrong-receiver', receiveId: 'ww_two' })
    await deliver(simulator)
    await deliver(simulator)
    expect(receiver.received.map(each => each.receiver)).toEqual(['ww_somebody_else', 'ww_two'])
    expect(receiver.received.every(({ signed }) => signed)).toBe(true)
  })

  it('meets all faults that are due, each counted from when it was added', async () => {
    const { receiver, simulator } = await scripted()
    simulator.callbackFaults.add({ corp: 'ww_other', do: 'drop' })
    const second = simulator.callbackFaults.add({ nth: 2, times: 2, do: 'duplicate' })
    simulator.callbackFaults.add({ nth: 2, do: 'delay', ms: 1 })
    for (let sent = 0; sent < 4; sent += 1) await deliver(simulator)
    const all = await simulator.waitForDelivery({}, { count: 6 })
    expect(all.map(({ fault }) => fault).filter(Boolean)).toEqual(['duplicate+delay', 'duplicate'])
    expect(receiver.received).toHaveLength(6)
    expect(simulator.callbackFaults.list().map(({ acted }) => acted)).toEqual([0, 2, 1])
    expect(simulator.callbackFaults.remove(second.id)).toBe(true)
    expect(() => simulator.callbackFaults.add({ do: 'nonsense' as 'drop' })).toThrow('must be one of: drop')
  })
})

describe('the check of a URL', () => {
  it('wants the very text that was encrypted', async () => {
    const receiver = await startReceiver()
    const simulator = await startSimulator(withCallback(receiver))
    const check = await simulator.verifyCallback()
    expect(check).toMatchObject({ ok: true, status: 200, body: expect.stringMatching(/^\d+$/) })
    expect(receiver.received).toMatchObject([{ signed: true, receiver: 'ww_one' }])
    expect(simulator.deliveries()).toEqual([])
  })

  test.each([
    ['quotes', '"1"', { ok: false, status: 200, body: '"1"' }],
    ['another status', 403, { ok: false, status: 403 }],
    ['silence', 'hang', { ok: false, error: 'timeout' }],
  ])('fails for %s', async (_, answer, expected) => {
    const receiver = await startReceiver([answer])
    const simulator = await startSimulator(withCallback(receiver, { callbackCheckTimeoutMs: 50 }))
    expect(await simulator.verifyCallback({ corpId: 'ww_one' })).toMatchObject(expected)
  })

  it('of a suite names the provider at both URLs', async () => {
    const receiver = await startReceiver()
    const callback = {
      ...receiver.target,
      url: `${receiver.url}/$CORPID$`,
      commandUrl: `${receiver.url}/command`,
    }
    const simulator = await startSimulator({ suites: [{ ...suite, callback }] })
    expect((await simulator.verifyCallback({ suiteId: 'ww_suite' })).ok).toBe(true)
    expect(receiver.received.map(({ path, receiver: id }) => [path, id])).toEqual([
      ['/callback/ww_provider', 'ww_provider'],
      ['/callback/command', 'ww_provider'],
    ])
  })
})

describe('a suite', () => {
  const withSuite = async (answers: Parameters<typeof startReceiver>[0] = []) => {
    const receiver = await startReceiver(answers)
    const callback = {
      ...receiver.target,
      url: `${receiver.url}/$CORPID$`,
      commandUrl: `${receiver.url}/command`,
    }
    const simulator = await startSimulator({
      suites: [{ ...suite, callback }],
      tenants: [
        { corpId: 'ww_tenant', suiteId: 'ww_suite', permanentCode: 'p1' },
        { corpId: 'ww_other', suiteId: 'ww_suite', permanentCode: 'p2' },
      ],
      switches: { callbackRetryGapMs: 5 },
    })
    return { receiver, simulator }
  }

  it('gets tickets in its own name, and one of them buys a token', async () => {
    const { receiver, simulator } = await withSuite(['success'])
    const { id } = simulator.pushTicket('ww_suite')
    const [delivery] = await simulator.waitForDelivery({ id })
    expect(delivery).toMatchObject({ event: 'suite_ticket', suiteId: 'ww_suite', outcome: 'received' })
    expect(delivery).not.toHaveProperty('error')
    const [received] = receiver.received
    expect(received).toMatchObject({ path: '/callback/command', receiver: 'ww_suite', signed: true })
    const response = await fetch(`${simulator.baseUrl}/service/get_suite_token`, {
      method: 'POST',
      body: JSON.stringify({
        suite_id: 'ww_suite',
        suite_secret: 'ss',
        suite_ticket: field(received?.message ?? '', 'SuiteTicket'),
      }),
    })
    expect(await response.json()).toMatchObject({ suite_access_token: expect.any(String) })
  })

  it('is noted for another answer than success, and not asked again', async () => {
    const { receiver, simulator } = await withSuite(['ok'])
    const { id } = simulator.pushTicket('ww_suite')
    const [delivery] = await simulator.waitForDelivery({ id })
    expect(delivery).toMatchObject({ outcome: 'received', error: 'answered "ok", not "success"' })
    expect(receiver.received).toHaveLength(1)
  })

  it('gets its tenants’ messages in their names, with their corp in the URL', async () => {
    const { receiver, simulator } = await withSuite()
    simulator.sendMessage({ ...image, suiteId: 'ww_suite', corpId: 'ww_other' })
    await simulator.waitForDelivery({ corp: 'ww_other', suiteId: 'ww_suite' })
    expect(receiver.received).toMatchObject([{ path: '/callback/ww_other', receiver: 'ww_other' }])
  })

  it('without a callback, or unknown, is refused', async () => {
    const simulator = await startSimulator({ suites: [suite] })
    expect(() => simulator.pushTicket('ww_suite')).toThrow('suite ww_suite has no callback')
    expect(() => simulator.pushTicket('ww_none')).toThrow('there is no suite ww_none')
    expect(() => simulator.sendMessage(image)).toThrow('has no callback')
    expect(() => simulator.sendMessage({ ...image, corpId: 'ww_none' })).toThrow('there is no such app')
    await expect(simulator.verifyCallback()).rejects.toThrow('no callback')
  })
})

test.each([
  [{ url: 'ftp://x/' }, "must begin with 'http(s)://'"],
  [{ token: 'has space' }, "'token' must be 1 to 32"],
  [{ aesKey: 'short' }, "'aesKey' must be 43"],
  [{ extra: 1 }, "'extra' is not known here"],
])('a callback that the console would not take is refused: %j', async (change, why) => {
  const callback = { ...keys, url: 'http://127.0.0.1/', ...change }
  const app = { corpId: 'ww_one', secret: 's1', callback }
  await expect(startSimulator({ apps: [app] })).rejects.toThrow(why)
  const simulator = await startSimulator()
  expect(() => simulator.addApp(app)).toThrow(why)
  await expect(createControl(simulator.controlUrl).addApp(app)).rejects.toThrow(why)
})

describe('the control API', () => {
  it('does all of it from another process', async () => {
    const receiver = await startReceiver()
    const simulator = await startSimulator({ switches: { callbackRetryGapMs: 5 } })
    const control = createControl(simulator.controlUrl)
    await control.addApp({ corpId: 'ww_one', secret: 's1', callback: receiver.target })
    await control.addAccounts({ suites: [{ ...suite, callback: receiver.target }] })
    const to = { corpId: 'ww_one' }
    expect(await control.verifyCallback(to)).toMatchObject({ ok: true })
    await control.callbackFaults.add({ do: 'hold' })
    const { id } = await control.sendMessage({ ...image, ...to })
    expect(await control.deliveries({ id })).toMatchObject([{ state: 'waiting' }])
    expect(await control.releaseDeliveries()).toBe(1)
    expect(await control.waitForDelivery({ id })).toMatchObject([{ outcome: 'received' }])
    await control.pushTicket('ww_suite')
    expect(await control.waitForDelivery({ suiteId: 'ww_suite' })).toMatchObject([
      { error: expect.any(String) },
    ])
    await expect(control.waitForDelivery({ event: 'voice' }, { timeoutMs: 10 })).rejects.toThrow(
      'waited 10 ms for 1 deliveries of this kind, saw 0 (2 in all)',
    )
    const fault = await control.callbackFaults.add({ do: 'drop' })
    expect(await control.callbackFaults.list()).toHaveLength(2)
    await control.callbackFaults.remove(fault.id)
    await expect(control.callbackFaults.remove(fault.id)).rejects.toThrow(`there is none with id ${fault.id}`)
    await control.callbackFaults.clear()
    expect(await control.callbackFaults.list()).toEqual([])
    expect(await control.jobs()).toEqual([])
    expect(await control.finishJobs()).toBe(0)
    await control.reset()
    expect(await control.deliveries()).toEqual([])
  })
})

describe('the command', () => {
  const started = async (options: Parameters<typeof simulate>[0]): Promise<Record<string, unknown>> => {
    let text = ''
    const running = await simulate(options, { write: line => (text += line) })
    atEnd(() => running.stop())
    return JSON.parse(text)
  }

  it('tells of a callback only when there is one', async () => {
    const receiver = await startReceiver()
    const line = await started({ callback: receiver.target })
    expect(line['callback']).toBe(receiver.url)
    expect(await createControl(`${line['control']}`).verifyCallback()).toMatchObject({ ok: true })
    expect(await started({})).not.toHaveProperty('callback')
  })

  it('says in one line what is wrong with one', async () => {
    const callback = { ...keys, url: 'nowhere' }
    await expect(simulate({ callback }, { write: () => true })).rejects.toThrow(/^a callback: .*http/)
  })
})

describe('the end', () => {
  it('does not wait for receivers, delays, holds or gaps', async () => {
    const receiver = await startReceiver(['hang', 500])
    const simulator = await startSimulator(withCallback(receiver, { callbackRetryGapMs: 60_000 }))
    const acts = [{ do: 'delay', ms: 60_000 }, { do: 'hold' }, { do: 'reorder' }] as const
    for (const [place, act] of acts.entries()) simulator.callbackFaults.add({ ...act, nth: place + 1 })
    for (let sent = 0; sent < 5; sent += 1) simulator.sendMessage(image)
    await receiver.arrived(2)
    const check = simulator.verifyCallback().catch(() => 'stopped')
    const startedMs = performance.now()
    await simulator.stop()
    expect(performance.now() - startedMs).toBeLessThan(1000)
    expect(simulator.deliveries().map(({ outcome }) => outcome)).toEqual(Array(5).fill('stopped'))
    expect(await check).toBe('stopped')
  })

  it('of a reset forgets deliveries and faults, and callbacks go on afterwards', async () => {
    const receiver = await startReceiver(['hang'])
    const simulator = await startSimulator(withCallback(receiver))
    simulator.callbackFaults.add({ do: 'drop', nth: 2, times: 'always' })
    const { id } = simulator.sendMessage(image)
    await receiver.arrived(1)
    await simulator.reset()
    expect(simulator.deliveries()).toEqual([])
    const after = await deliver(simulator)
    expect(after).toMatchObject({ outcome: 'received' })
    expect(after.id).toBeGreaterThan(id)
  })
})
