import { describe, expect, test } from 'vitest'
import { Fault, type Kind } from '../../src/fault.ts'
import { type Call, type Layer, onion, type Request } from '../../src/wecom/call.ts'
import { withGate } from '../../src/wecom/gate.ts'
import { openGate } from '../../src/wecom/open-gate.ts'
import { defaultRetryPolicy, withRetry } from '../../src/wecom/retry.ts'
import type { GateCall, Mark } from '../../src/wecom/seams.ts'
import { withSent } from '../../src/wecom/sent.ts'
import { createSlots, withSlot } from '../../src/wecom/slots.ts'
import { faultOf } from './files.ts'

const request: Request<string> = { method: 'media/upload', query: {}, read: async () => 'read' }
const ended = Promise.resolve(undefined)

/** An inner call that does one thing after another, and remembers its requests. */
function inner(...steps: (Kind | Error | 'ok')[]) {
  const requests: Request<unknown>[] = []
  const call: Call = async request => {
    const step = steps[Math.min(requests.length, steps.length - 1)]
    requests.push(request)
    if (step === 'ok' || step === undefined) return { value: 'done' as never, ended }
    throw step instanceof Error ? step : new Fault(step, step)
  }
  return { call, requests }
}

const fast = { ...defaultRetryPolicy, firstWaitMs: 1 }

describe('the onion', () => {
  test('has its first layer outermost', async () => {
    const trace: string[] = []
    const layer =
      (name: string): Layer =>
      inner =>
      async request => {
        trace.push(name)
        return inner(request)
      }
    await onion(inner('ok').call, layer('a'), layer('b'), layer('c'))(request)
    expect(trace).toEqual(['a', 'b', 'c'])
  })
})

describe('retry', () => {
  test('repeats a transient fault twice and says that it does', async () => {
    const { call, requests } = inner('transient', 'transient', 'ok')
    await withRetry(fast)(call)(request)
    expect(requests.map(({ retried = false }) => retried)).toEqual([false, true, true])
  })

  test('gives up after two repeats', async () => {
    const { call, requests } = inner('transient')
    expect((await faultOf(withRetry(fast)(call)(request))).kind).toBe('transient')
    expect(requests).toHaveLength(3)
  })

  test('repeats a token fault once', async () => {
    const { call, requests } = inner('token')
    expect((await faultOf(withRetry(fast)(call)(request))).kind).toBe('token')
    expect(requests).toHaveLength(2)
  })

  test('repeats a token fault after two transient ones, and two transient ones after a token fault', async () => {
    for (const steps of [
      ['transient', 'transient', 'token', 'ok'],
      ['token', 'transient', 'transient', 'ok'],
    ] as const) {
      const { call, requests } = inner(...steps)
      await withRetry(fast)(call)(request)
      expect(requests).toHaveLength(4)
    }
  })

  test.each([
    'limit',
    'busy',
    'unavailable',
    'unknown',
    'gone',
    'rejected',
    'config',
    'cancelled',
    'quota',
  ] as const)('does not repeat %s', async kind => {
    const { call, requests } = inner(kind)
    expect((await faultOf(withRetry(fast)(call)(request))).kind).toBe(kind)
    expect(requests).toHaveLength(1)
  })

  test('does not repeat what is no fault: a bug would run three times', async () => {
    const { call, requests } = inner(new RangeError('bug'))
    await expect(withRetry(fast)(call)(request)).rejects.toThrow('bug')
    expect(requests).toHaveLength(1)
  })

  test('stops waiting when the caller leaves', async () => {
    const leaving = new AbortController()
    const { call, requests } = inner('transient')
    const repeated = withRetry({ ...fast, firstWaitMs: 60_000 })(call)({ ...request, signal: leaving.signal })
    setTimeout(() => leaving.abort(new Error('left')), 5)
    await expect(repeated).rejects.toThrow('left')
    expect(requests).toHaveLength(1)
  })
})

describe('slots', () => {
  test('are no more than there are, and go round in the order of asking', async () => {
    const slots = createSlots(1)
    const release = await slots.acquire()
    const order: number[] = []
    const waiters = [1, 2].map(async n => {
      const free = await slots.acquire()
      order.push(n)
      free()
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(order).toEqual([])
    release()
    release()
    await Promise.all(waiters)
    expect(order).toEqual([1, 2])
  })

  test('a release that is called twice frees one slot only', async () => {
    const slots = createSlots(1)
    const release = await slots.acquire()
    release()
    release()
    await slots.acquire()
    const second = await Promise.race([
      slots.acquire().then(() => 'in'),
      new Promise(r => setTimeout(r, 20, 'waits')),
    ])
    expect(second).toBe('waits')
  })

  test('who leaves the line takes no slot with him', async () => {
    const slots = createSlots(1)
    const release = await slots.acquire()
    const leaving = new AbortController()
    const left = slots.acquire(leaving.signal)
    const next = slots.acquire()
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    release()
    expect(await next).toBeTypeOf('function')
  })

  test('a slot is held until the last byte of the answer', async () => {
    const slots = createSlots(1)
    const body = Promise.withResolvers<undefined>()
    const call: Call = async () => ({ value: 'head' as never, ended: body.promise })
    await withSlot(slots)(call)(request)
    const next = slots.acquire()
    expect(await Promise.race([next, new Promise(r => setTimeout(r, 20, 'waits'))])).toBe('waits')
    body.resolve(undefined)
    expect(await next).toBeTypeOf('function')
  })

  test('a call that fails gives its slot back', async () => {
    const slots = createSlots(1)
    await faultOf(withSlot(slots)(inner('limit').call)(request))
    expect(await slots.acquire()).toBeTypeOf('function')
  })
})

describe('the gate', () => {
  test('is asked with corp, method and patience, and its grant travels on', async () => {
    const asked: GateCall[] = []
    const gate = {
      pass: async (call: GateCall) => {
        asked.push(call)
        return { atMs: 7 }
      },
    }
    const { call, requests } = inner('ok')
    await withGate(gate, 'ww')(call)(request)
    await withGate(gate, 'ww')(call)({ ...request, patienceMs: 5_000 })
    const plain = { corp: 'ww', method: 'media/upload', keepsBookings: false, urgent: false }
    expect(asked).toEqual([
      { ...plain, patienceMs: 250 },
      { ...plain, patienceMs: 5_000 },
    ])
    expect(requests[0]?.grant).toEqual({ atMs: 7 })
  })

  test('is given the mark of a call that it can leave itself', async () => {
    const asked: GateCall[] = []
    const gate = { pass: async (call: GateCall) => ({ atMs: asked.push(call) }) }
    const along = { lua: '', keys: [], args: [], heard: () => {} }
    const mark: Mark = { sent: async () => {}, refused: async () => {}, along }
    await withGate(gate, 'ww')(inner('ok').call)({ ...request, mark })
    expect(asked).toMatchObject([{ along }])
  })

  test('is shown the booking of a caller who waited, but not again for a repeat', async () => {
    const asked: GateCall[] = []
    const gate = { pass: async (call: GateCall) => ({ atMs: asked.push(call) }) }
    const { call } = inner('ok')
    const waited = { ...request, keepsBookings: true, booking: { at: 1 } }
    await withGate(gate, 'ww')(call)(waited)
    await withGate(gate, 'ww')(call)({ ...waited, retried: true })
    expect(asked.map(({ booking }) => booking)).toEqual([{ at: 1 }, undefined])
  })

  test('learns how the call ended, when its last byte was read', async () => {
    const ends: (Fault | undefined)[] = []
    const gate = { pass: async () => ({ done: async (fault?: Fault) => void ends.push(fault) }) }
    const { ended } = await withGate(gate, 'ww')(inner('ok').call)(request)
    await ended
    const refused = new Fault('limit', 'too often', { errcode: 45009 })
    await faultOf(withGate(gate, 'ww')(() => Promise.reject(refused))(request))
    expect(ends).toEqual([undefined, refused])
  })

  test('keeps nobody waiting for the end of a call that went well to be written, and everybody for a refusal', async () => {
    const { promise: written, resolve } = Promise.withResolvers<void>()
    const gate = { pass: async () => ({ done: () => written }) }
    const { ended } = await withGate(gate, 'ww')(inner('ok').call)(request)
    expect(await ended).toBeUndefined()
    const refused = withGate(gate, 'ww')(inner('limit').call)(request).catch(() => 'learned')
    expect(await Promise.race([refused, new Promise(r => setTimeout(r, 20, 'waits'))])).toBe('waits')
    resolve()
    expect(await refused).toBe('learned')
  })

  test('takes a grant back that got too old while the body was opened', async () => {
    const gate = { pass: async () => ({ lifeMs: 600, ageMs: () => 601 }) }
    let closed = false
    const slow = {
      contentType: 'text/plain',
      lengthBytes: 1,
      open: async () => ({
        chunks: (async function* () {})() as AsyncIterable<Buffer>,
        close: () => {
          closed = true
        },
      }),
    }
    const { requests, call } = inner('ok')
    await withGate(gate, 'ww')(call)({ ...request, body: slow })
    const opened = requests[0]?.body?.open(new AbortController().signal)
    await expect(opened).rejects.toMatchObject({ kind: 'limit', waitMs: 0 })
    expect(closed).toBe(true)
  })

  test('that is closed lets nothing through', async () => {
    const gate = { pass: () => Promise.reject(new Fault('limit', 'closed', { waitMs: 9 })) }
    const { call, requests } = inner('ok')
    expect(await faultOf(withGate(gate, 'ww')(call)(request))).toMatchObject({ kind: 'limit', waitMs: 9 })
    expect(requests).toHaveLength(0)
  })

  test('that is open says go, but not to a caller who has left', async () => {
    const call = { corp: 'ww', method: 'media/get', patienceMs: 1 } as const
    expect(await openGate.pass(call)).toEqual({})
    await expect(openGate.pass({ ...call, signal: AbortSignal.abort(new Error('left')) })).rejects.toThrow(
      'left',
    )
  })
})

describe('sent', () => {
  function marked() {
    const trace: string[] = []
    const mark: Mark = {
      sent: async ({ atMs }) => void trace.push(`sent ${atMs}`),
      refused: async ({ kind }) => void trace.push(`refused ${kind}`),
    }
    return { trace, request: { ...request, mark, grant: { atMs: 7 } } }
  }

  test('marks before the call, and leaves the mark after a success', async () => {
    const { trace, request } = marked()
    await withSent(inner('ok').call)(request)
    expect(trace).toEqual(['sent 7'])
  })

  test.each([
    'limit',
    'busy',
    'transient',
    'token',
    'rejected',
    'gone',
  ] as const)('takes the mark away after %s', async kind => {
    const { trace, request } = marked()
    expect((await faultOf(withSent(inner(kind).call)(request))).kind).toBe(kind)
    expect(trace).toEqual(['sent 7', `refused ${kind}`])
  })

  test('leaves the mark when the outcome is unknown, and after an error that is no fault', async () => {
    for (const step of ['unknown', new Error('bug')] as const) {
      const { trace, request } = marked()
      await faultOf(withSent(inner(step).call)(request))
      expect(trace).toEqual(['sent 7'])
    }
  })

  test('makes no call when the mark is refused', async () => {
    const { call, requests } = inner('ok')
    const mark: Mark = { sent: () => Promise.reject(new Fault('limit', 'stale')), refused: async () => {} }
    expect((await faultOf(withSent(call)({ ...request, mark }))).kind).toBe('limit')
    expect(requests).toHaveLength(0)
  })

  test('does not mark again what the gate has marked, and takes that back after a definite no', async () => {
    const { trace, request } = marked()
    const grant = { atMs: 7, isMarked: true }
    await withSent(inner('ok').call)({ ...request, grant })
    expect(trace).toEqual([])
    await faultOf(withSent(inner('transient').call)({ ...request, grant }))
    expect(trace).toEqual(['refused transient'])
  })

  test('lets no call out whose grant got too old on the way from the gate', async () => {
    const { trace, request } = marked()
    const { call, requests } = inner('ok')
    const grant = { atMs: 7, isMarked: true, lifeMs: 600, ageMs: () => 601 }
    expect((await faultOf(withSent(call)({ ...request, grant }))).kind).toBe('limit')
    expect(requests).toHaveLength(0)
    expect(trace).toEqual(['refused limit'])
  })

  test('says the first fault even when the mark cannot be taken away', async () => {
    const mark: Mark = { sent: async () => {}, refused: () => Promise.reject(new Error('redis')) }
    expect((await faultOf(withSent(inner('limit').call)({ ...request, mark }))).kind).toBe('limit')
  })
})
