import { expect, test } from 'vitest'
import { createRecords, type Request } from '../../src/record/index.ts'
import { testRedis } from '../support/redis.ts'

const request = (id: string, changes: Partial<Request> = {}): Request => ({
  id,
  name: 'media.upload',
  queue: 'upload',
  payload: '{"a":1}',
  fingerprint: 'f1',
  deadlineMs: 60_000,
  ...changes,
})

const holder = (jobId: string) => ({ jobId, token: 'me' })

function setUp() {
  const { redis, prefix } = testRedis()
  const namespace = `{${prefix}}:p0`
  const records = createRecords(redis, namespace)
  return {
    redis,
    records,
    namespace,
    /** BullMQ's lock, as its holder has it. */
    lock: (id: string, token = 'me') => redis.set(`${namespace}:upload:${id}:lock`, token),
    async claimed(id: string) {
      await redis.set(`${namespace}:upload:${id}:lock`, 'me')
      const claim = await records.claim(request(id), holder(id))
      if (claim.as !== 'claimed') throw new Error(claim.as)
      return claim
    },
  }
}

const speaking = (id: string, fence: number, grantAtMs?: number) => ({
  id,
  fence,
  grantLifeMs: 1_000,
  marks: true,
  ...(grantAtMs !== undefined && { grantAtMs }),
})

test('the same request is accepted once, and another payload under its id is a conflict', async () => {
  const { records } = setUp()
  expect(await records.open(request('j'))).toBe('created')
  expect(await records.open(request('j'))).toBe('exists')
  expect(await records.open(request('j', { fingerprint: 'f2' }))).toBe('conflict')
  expect(await records.read('j')).toMatchObject({ state: 'queued', payload: '{"a":1}', fence: 0 })
})

test('only the holder of the lock can claim, and each claim has a greater fence', async () => {
  const { records, lock } = setUp()
  await records.open(request('j'))
  expect(await records.claim(request('j'), holder('j'))).toEqual({ as: 'not-holder' })
  await lock('j', 'somebody')
  expect(await records.claim(request('j'), holder('j'))).toEqual({ as: 'not-holder' })
  await lock('j')
  const first = await records.claim(request('j'), holder('j'))
  const second = await records.claim(request('j'), holder('j'))
  expect([first, second]).toMatchObject([
    { as: 'claimed', fence: 1, unknown: false },
    { as: 'claimed', fence: 2, unknown: false },
  ])
})

test('a job of a foreign producer gets its record at the claim', async () => {
  const { records, claimed } = setUp()
  const { remainingMs } = await claimed('foreign')
  expect(remainingMs).toBeGreaterThan(55_000)
  expect(await records.read('foreign')).toMatchObject({
    state: 'running',
    name: 'media.upload',
    payload: '{"a":1}',
  })
})

test('a job whose data is not what its record says is a conflict, and nothing is written', async () => {
  const { records, lock } = setUp()
  await records.open(request('j'))
  await lock('j')
  expect(await records.claim(request('j', { fingerprint: 'f2' }), holder('j'))).toEqual({ as: 'conflict' })
  expect(await records.read('j')).toMatchObject({ state: 'queued', fence: 0 })
})

test('an attempt that was overtaken may neither speak nor settle', async () => {
  const { records, claimed } = setUp()
  const { fence } = await claimed('j')
  await claimed('j')
  expect(await records.sent(speaking('j', fence))).toBe('fenced')
  expect(await records.holds('j', fence)).toBe(false)
  expect(await records.settle({ id: 'j', fence }, { as: 'queued' })).toEqual({ as: 'fenced' })
  expect(await records.read('j')).toMatchObject({ state: 'running', calls: 0 })
})

test('a mark without an answer is found by the next claim as unknown, a refused call is not', async () => {
  const { records, claimed } = setUp()
  const first = await claimed('j')
  expect(await records.sent(speaking('j', first.fence))).toBe('go')
  const second = await claimed('j')
  expect(second.unknown).toBe(true)
  await records.sent(speaking('j', second.fence))
  await records.settle({ id: 'j', fence: second.fence }, { as: 'refused', kind: 'busy', spent: true })
  expect((await claimed('j')).unknown).toBe(false)
  expect(await records.read('j')).toMatchObject({ unknowns: 1, calls: 2, tries: { busy: 1 } })
})

test('reads leave no mark', async () => {
  const { records, claimed } = setUp()
  const { fence } = await claimed('j')
  await records.sent({ ...speaking('j', fence), marks: false })
  expect((await claimed('j')).unknown).toBe(false)
})

test('a grant older than its life is refused, by the clock of Redis', async () => {
  const { redis, records, claimed } = setUp()
  const { fence } = await claimed('j')
  const [seconds, micros] = await redis.time()
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  expect(await records.sent(speaking('j', fence, nowMs - 1_001))).toBe('stale')
  expect(await records.sent(speaking('j', fence, nowMs))).toBe('go')
})

test('tries are counted by kind across attempts', async () => {
  const { records, claimed } = setUp()
  const refused = async () => {
    const { fence } = await claimed('j')
    return records.settle({ id: 'j', fence }, { as: 'refused', kind: 'busy', spent: true })
  }
  expect([await refused(), await refused(), await refused()]).toEqual(
    [1, 2, 3].map(tries => ({ as: 'settled', tries, units: tries })),
  )
})

test('the first result wins, whoever brings it; a second one is kept aside', async () => {
  const { redis, records, claimed, namespace } = setUp()
  await claimed('j')
  expect(await records.accept('j', { mediaId: 'one' })).toEqual({ as: 'accepted', followers: [] })
  expect(await records.accept('j', { mediaId: 'one' }), 'the same answer, sent twice').toEqual({
    as: 'accepted',
    followers: [],
  })
  expect(await records.accept('j', { mediaId: 'two' })).toEqual({
    as: 'duplicate',
    state: 'done',
    json: '{"mediaId":"one"}',
  })
  expect(await records.read('j')).toMatchObject({ state: 'done', result: { mediaId: 'one' }, duplicates: 1 })
  expect(await redis.hget(`${namespace}:record:j`, 'duplicate:1')).toBe('{"mediaId":"two"}')
})

test('of a thousand results at once exactly one is accepted', async () => {
  const { records, claimed } = setUp()
  await claimed('j')
  const answers = await Promise.all(Array.from({ length: 1_000 }, (_, n) => records.accept('j', { n })))
  expect(answers.filter(({ as }) => as === 'accepted')).toHaveLength(1)
  expect(await records.read('j')).toMatchObject({ duplicates: 999 })
})

test('an ended job stays as it ended', async () => {
  const { records, claimed } = setUp()
  const { fence } = await claimed('j')
  const fault = { kind: 'rejected', message: 'no', errcode: 40004 } as const
  await records.settle({ id: 'j', fence }, { as: 'failed', fault })
  expect(await records.accept('j', {})).toMatchObject({ as: 'duplicate', state: 'failed' })
  expect(await records.settle({ id: 'j' }, { as: 'cancelled', fault })).toEqual({ as: 'ended' })
  expect(await records.sent(speaking('j', fence))).toBe('ended')
  expect(await records.claim(request('j'), holder('j'))).toEqual({
    as: 'ended',
    state: 'failed',
    json: JSON.stringify(fault),
  })
  expect(await records.read('j')).toMatchObject({ state: 'failed', fault })
})

test('a failed job runs again only on request, and then with a fresh count of tries and a greater fence', async () => {
  const { records, claimed } = setUp()
  const { fence } = await claimed('j')
  await records.settle({ id: 'j', fence }, { as: 'refused', kind: 'busy', spent: true })
  await records.settle({ id: 'j', fence }, { as: 'failed', fault: { kind: 'busy', message: 'busy' } })
  expect(await records.open(request('j'))).toBe('exists')
  expect(await records.open(request('j', { again: true }))).toBe('reopened')
  const record = await records.read('j')
  expect(record).toMatchObject({ state: 'queued', tries: {}, fence: fence + 1 })
  expect(record).not.toHaveProperty('fault')
  expect((await claimed('j')).fence).toBe(fence + 2)
  const late = await records.settle(
    { id: 'j', fence },
    { as: 'failed', fault: { kind: 'busy', message: 'zombie' } },
  )
  expect(late, 'a zombie of the first run').toEqual({ as: 'fenced' })
})

test('a done job is not run again, not even on request', async () => {
  const { records, claimed } = setUp()
  await claimed('j')
  await records.accept('j', { ok: true })
  expect(await records.open(request('j', { again: true }))).toBe('exists')
})

test('ended records leave by themselves, open ones stay', async () => {
  const { redis, records, claimed, namespace } = setUp()
  await claimed('j')
  expect(await redis.pttl(`${namespace}:record:j`)).toBe(-1)
  await records.accept('j', {})
  expect(await redis.pttl(`${namespace}:record:j`)).toBeGreaterThan(13 * 24 * 3_600_000)
  expect(await redis.zcard(`${namespace}:open`)).toBe(0)
})

test('a waiting job says until when and why', async () => {
  const { records, claimed } = setUp()
  const { fence } = await claimed('j')
  const why = { kind: 'limit', message: 'too fast', errcode: 45009 } as const
  await records.settle({ id: 'j', fence }, { as: 'waiting', ms: 60_000, why })
  const { state, waiting } = (await records.read('j')) ?? {}
  expect(state).toBe('waiting')
  expect(waiting?.why).toEqual(why)
  expect(waiting?.untilMs).toBeGreaterThan(Date.now() + 50_000)
})

test('a unit is spent by a call whose outcome is unknown and by one that the platform may have counted', async () => {
  const { records, claimed } = setUp()
  const first = await claimed('j')
  expect(first.units).toBe(0)
  await records.sent(speaking('j', first.fence))
  const second = await claimed('j')
  expect(second.units, 'unknown').toBe(1)
  await records.sent(speaking('j', second.fence))
  await records.settle({ id: 'j', fence: second.fence }, { as: 'refused', kind: 'transient', spent: false })
  expect((await claimed('j')).units, 'never arrived').toBe(1)
  const third = await claimed('j')
  await records.settle({ id: 'j', fence: third.fence }, { as: 'refused', kind: 'busy', spent: true })
  expect((await claimed('j')).units).toBe(2)
})

test('a call whose outcome nobody knows stays counted when the job is asked for again', async () => {
  const { records, claimed } = setUp()
  const { fence } = await claimed('j')
  await records.sent(speaking('j', fence))
  await records.settle({ id: 'j', fence }, { as: 'failed', fault: { kind: 'unknown', message: 'held' } })
  await records.open(request('j', { again: true }))
  expect(await claimed('j')).toMatchObject({ units: 1, unknown: false })
  expect(await records.read('j')).toMatchObject({ unknowns: 1 })
})

test('a booking is handed to the next attempt, and to that one only', async () => {
  const { records, claimed } = setUp()
  const { fence, booking } = await claimed('j')
  expect(booking).toBeUndefined()
  const why = { kind: 'limit', message: 'full' } as const
  await records.settle({ id: 'j', fence }, { as: 'waiting', ms: 1, why, booking: { atUs: 7 } })
  expect((await claimed('j')).booking).toEqual({ atUs: 7 })
  expect((await claimed('j')).booking).toBeUndefined()
})

test('each record that is due goes to one reconciler only', async () => {
  const { redis, records, claimed, namespace } = setUp()
  const ids = Array.from({ length: 20 }, (_, n) => `j${n}`)
  for (const id of ids) await claimed(id)
  expect((await records.dueForLook(100, 60_000)).ids, 'nothing is due in the first minute').toEqual([])
  for (const id of ids) await redis.zadd(`${namespace}:open`, 1, id)
  const rounds = await Promise.all([1, 2, 3].map(() => records.dueForLook(10, 60_000)))
  expect(rounds.flatMap(({ ids }) => ids).toSorted()).toEqual(ids.toSorted())
})
