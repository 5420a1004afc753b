/** Names that are kept alive, in Redis: who may have one, what accept writes, and that nothing is lost between two looks. */

import { describe, expect, test } from 'vitest'
import { keptStandings } from '../../src/app/keep-alive.ts'
import {
  type Asking,
  createKeepAlive,
  createLedger,
  type Entry,
  type KeptMedium,
  keptId,
  type Subject,
} from '../../src/ledger/index.ts'
import { createRecords, type Request } from '../../src/record/index.ts'
import { testRedis } from '../support/redis.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const id = keptId('default', 'logo')
const media: Subject = { as: 'media', corp: 'ww1', type: 'image', sha256: 'a'.repeat(64) }

const request = (job: string): Request => ({
  ...{ id: job, name: 'media.upload', queue: 'upload', payload: '{}', fingerprint: 'f', deadlineMs: 60_000 },
})

function setUp() {
  const { redis, prefix } = testRedis()
  const namespace = `{${prefix}}:p0`
  const records = createRecords(redis, namespace)
  const names = createKeepAlive(redis, namespace)
  const ledger = createLedger(redis, namespace)
  const asking = (job: string, changes: Partial<Asking> = {}): Asking => ({
    ...{ app: 'default', name: 'logo', untilMs: Date.now() + 30 * dayMs, payload: '{}', fingerprint: 'same' },
    ...{ job, recordKey: `${namespace}:record:${job}`, asked: 'now' },
    ...changes,
  })
  const bring = async (job: string, leftMs: number, mediaId = `m-${job}`, takenBy = 'j1') => {
    const medium: KeptMedium = {
      ...{ mediaId, createdAtMs: Date.now(), expiresAtMs: Date.now() + leftMs, sha256: 'a'.repeat(64) },
      ...{ sizeBytes: 9, fileName: 'logo.png', job, reused: false },
    }
    const write = names.write({ app: 'default', name: 'logo', takenBy }, 'ww1', medium)
    const entry: Entry = { ...medium, value: mediaId }
    await records.open(request(job))
    return records.accept(job, { mediaId }, ledger.write(media, entry), write)
  }
  const read = async () => (await names.read(id))?.kept
  const dueAtMs = async () => Number(await redis.zscore(`${namespace}:kept`, id))
  return { redis, namespace, records, names, ledger, asking, bring, read, dueAtMs }
}

describe('a name', () => {
  test('is reserved by the first, shared by the same upload, refused to another one', async () => {
    const { names, asking, read } = setUp()
    expect(await names.enter(asking('j1'))).toEqual({ as: 'entered', isNew: true, takenBy: 'j1' })
    expect(await names.enter(asking('j2'))).toEqual({ as: 'entered', isNew: false, takenBy: 'j1' })
    expect(await names.enter(asking('j2', { untilMs: Date.now() + dayMs }))).toMatchObject({ isNew: false })
    expect(await names.enter(asking('j3', { fingerprint: 'other' }))).toEqual({ as: 'taken' })
    expect(await names.enter(asking('j3', { fingerprint: 'other', app: 'b' }))).toMatchObject({ isNew: true })
    expect((await read())?.untilMs).toBeGreaterThan(Date.now() + 29 * dayMs)
  })

  test('that brought nothing is free once its job has ended, and when that was never queued for a minute', async () => {
    const { names, asking, records, redis, namespace } = setUp()
    await names.enter(asking('j1'))
    await records.open(request('j1'))
    const other = { fingerprint: 'other' }
    expect(await names.enter(asking('j2', other))).toEqual({ as: 'taken' })
    await records.settle({ id: 'j1' }, { as: 'cancelled', fault: { kind: 'cancelled', message: 'x' } })
    expect(await names.enter(asking('j2', other))).toMatchObject({ isNew: true })
    expect(await names.enter(asking('j3'))).toEqual({ as: 'taken' })
    await redis.hincrby(`${namespace}:kept:${id}`, 'sinceMs', -60_001)
    expect(await names.enter(asking('j3'))).toMatchObject({ isNew: true })
  })

  test('that has ended is had by whoever asks later, not by what was asked before', async () => {
    const { names, asking, bring, read } = setUp()
    await names.enter(asking('j1'))
    await bring('j1', 72 * hourMs)
    const before = Date.now() - 1_000
    expect(await names.end(id, 'let-go')).toBe(true)
    expect(await names.end(id, 'let-go')).toBe(false)
    expect(await names.enter(asking('j2', { asked: before }))).toEqual({ as: 'over' })
    // A request of a producer whose job is there already.
    expect(await names.enter(asking('j1'))).toEqual({ as: 'over' })
    expect(await read()).toMatchObject({ medium: { mediaId: 'm-j1' }, end: { why: 'let-go' } })
    expect(await names.enter(asking('j3', { asked: Date.now() + 1_000 }))).toMatchObject({ isNew: true })
    expect(await read()).not.toHaveProperty('medium')
  })

  test('is never taken by a renewal: it has one, or leaves it', async () => {
    const { names, asking, bring, read } = setUp()
    const asked = 'renewal'
    expect(await names.enter(asking('r1', { asked }))).toEqual({ as: 'over' })
    expect(await read()).toBeUndefined()
    await names.enter(asking('j1'))
    await bring('j1', 72 * hourMs)
    expect(await names.enter(asking('r1', { asked }))).toMatchObject({ as: 'entered', isNew: false })
    await names.end(id, 'let-go')
    expect(await names.enter(asking('r1', { asked }))).toEqual({ as: 'over' })
    expect(await read()).toMatchObject({ end: { why: 'let-go' } })
  })

  test('whose time is over can only end by that, at that time', async () => {
    const { names, asking, read } = setUp()
    const untilMs = Date.now() - 5
    await names.enter(asking('j1', { untilMs }))
    expect(await names.end(id, 'let-go')).toBe(false)
    expect(await names.end(id, 'until')).toBe(true)
    expect((await read())?.end).toEqual({ atMs: untilMs, why: 'until' })
  })

  test('that a producer takes back leaves nothing, unless it has brought something', async () => {
    const { names, asking, bring, read, redis, namespace } = setUp()
    await names.enter(asking('j1'))
    await names.leave(id, 'j2')
    expect(await read()).toBeDefined()
    await names.leave(id, 'j1')
    expect(await redis.keys(`${namespace}:*`)).toEqual([])
    await names.enter(asking('j1'))
    await bring('j1', hourMs)
    await names.leave(id, 'j1')
    expect(await read()).toBeDefined()
  })
})

describe('accept', () => {
  test('gives the name its media_id, takes the job and the trouble away, and asks for a look', async () => {
    const { names, asking, bring, read, dueAtMs } = setUp()
    await names.enter(asking('j1'))
    expect(await read()).toMatchObject({ job: 'j1', brought: 0 })
    expect(await dueAtMs()).toBeGreaterThan(Date.now() + 50_000)
    await bring('j1', 10 * hourMs)
    const first = await read()
    expect(first).toMatchObject({ brought: 1, medium: { mediaId: 'm-j1', job: 'j1' } })
    expect(first).not.toHaveProperty('job')
    expect(await dueAtMs()).toBeLessThanOrEqual(Date.now())
    if (!first) throw new Error('gone')
    expect(await names.begin(first, 'j2')).toBe(true)
    const kept = { ...first, job: 'j2' }
    const fault = { kind: 'not-found', message: 'x' } as const
    expect(await names.note(kept, fault)).toBe(true)
    expect(await names.note(kept, fault)).toBe(false)
    expect(await read()).toMatchObject({ trouble: { fault, tries: 1 }, round: 1 })
    await bring('j3', 72 * hourMs)
    const third = await read()
    expect(third).toMatchObject({ brought: 2, medium: { mediaId: 'm-j3' } })
    expect(third).not.toHaveProperty('trouble')
  })

  test('writes nothing for a name that was let go of, is another’s, or has more life', async () => {
    const { names, asking, bring, read } = setUp()
    await names.enter(asking('j1'))
    await bring('j1', 72 * hourMs)
    await bring('j2', hourMs)
    await bring('j3', 73 * hourMs, 'm-j3', 'other')
    expect(await read()).toMatchObject({ brought: 1, medium: { mediaId: 'm-j1' } })
    await names.end(id, 'let-go')
    await bring('j4', 80 * hourMs)
    expect(await read()).toMatchObject({ brought: 1, medium: { mediaId: 'm-j1' } })
  })

  test('writes nothing of a job that began before the name was let go of and taken again', async () => {
    const { names, asking, bring, read } = setUp()
    await names.enter(asking('j1'))
    await names.end(id, 'let-go')
    await names.enter(asking('j2'))
    await bring('j1', 72 * hourMs)
    expect(await read()).toMatchObject({ brought: 0, job: 'j2' })
    await bring('j2', 60 * hourMs, 'm-j2', 'j2')
    expect(await read()).toMatchObject({ medium: { mediaId: 'm-j2' } })
  })

  test('sent twice counts once', async () => {
    const { names, asking, bring, read } = setUp()
    await names.enter(asking('j1'))
    await bring('j1', hourMs)
    await bring('j1', hourMs)
    expect(await read()).toMatchObject({ brought: 1 })
  })

  test('leaves the ledger an entry of a job that was cancelled, and the name nothing', async () => {
    const { names, asking, bring, read, records, ledger } = setUp()
    await names.enter(asking('j1'))
    await records.open(request('j1'))
    await records.settle({ id: 'j1' }, { as: 'cancelled', fault: { kind: 'cancelled', message: 'x' } })
    expect(await bring('j1', hourMs)).toMatchObject({ as: 'duplicate', state: 'cancelled' })
    expect(await ledger.read(media)).toMatchObject({ value: 'm-j1' })
    expect(await read()).not.toHaveProperty('medium')
  })
})

describe('a look', () => {
  test('is handed out once, and again when nobody has settled it', async () => {
    const { names, asking, bring } = setUp()
    await names.enter(asking('j1'))
    expect((await names.due(10, 60_000)).ids).toEqual([])
    await bring('j1', hourMs)
    expect((await names.due(10, 0)).ids).toEqual([id])
    expect((await names.due(10, 60_000)).ids).toEqual([id])
    expect((await names.due(10, 60_000)).ids).toEqual([])
  })

  test('does not put off what has happened since it began', async () => {
    const { names, asking, bring, ledger, dueAtMs } = setUp()
    await names.enter(asking('j1'))
    await bring('j1', hourMs)
    const { handedOutAtMs } = await names.due(10, 60_000)
    expect(await ledger.forget('ww1', 'm-j1')).toBe(true)
    await names.sleep(id, handedOutAtMs, Date.now() + dayMs, dayMs)
    expect(await dueAtMs()).toBeLessThanOrEqual(Date.now())
    const again = await names.due(10, 60_000)
    await names.sleep(id, again.handedOutAtMs, Date.now() + dayMs, dayMs)
    expect(await dueAtMs()).toBeGreaterThan(Date.now() + hourMs)
  })

  test('begins a renewal once, whoever else looks, and not for a name that has ended', async () => {
    const { names, asking, bring, read } = setUp()
    await names.enter(asking('j1'))
    await bring('j1', hourMs)
    const kept = await read()
    if (!kept) throw new Error('gone')
    expect(await names.begin(kept, 'j2')).toBe(true)
    // The answer was lost, and it is sent again.
    expect(await names.begin(kept, 'j2')).toBe(true)
    expect(await names.begin(kept, 'j3')).toBe(false)
    const next = await read()
    await names.end(id, 'let-go')
    expect(next && (await names.begin(next, 'j3'))).toBe(false)
  })

  test('tells of each media_id once', async () => {
    const { names, asking, bring, read } = setUp()
    await names.enter(asking('j1'))
    await bring('j1', hourMs)
    const kept = await read()
    if (!kept) throw new Error('gone')
    expect(await names.tells(kept, 'told')).toBe(true)
    expect(await names.tells(kept, 'told')).toBe(false)
    expect(await names.tells(kept, 'toldDead')).toBe(true)
  })
})

test('what the platform has forgotten is forgotten by every name that has it, and by nothing else', async () => {
  const { names, asking, bring, ledger, read } = setUp()
  await names.enter(asking('j1'))
  await bring('j1', hourMs)
  expect(await ledger.forget('ww2', 'm-j1')).toBe(false)
  expect(await ledger.forget('ww1', 'm-j1')).toBe(true)
  expect(await ledger.forget('ww1', 'm-j1')).toBe(false)
  expect(await read()).toHaveProperty('forgottenAtMs')
  // A media_id with less life left is welcome then.
  await bring('j2', hourMs / 2)
  expect(await read()).toMatchObject({ medium: { mediaId: 'm-j2' } })
  expect(await read()).not.toHaveProperty('forgottenAtMs')
  expect(await ledger.forget('ww1', 'm-j1')).toBe(false)
})

test('a name and its media_id leave Redis by themselves', async () => {
  const { names, asking, bring, redis, namespace } = setUp()
  await names.enter(asking('j1'))
  await bring('j1', hourMs)
  const [of = ''] = await redis.keys(`${namespace}:kept-of:*`)
  expect(await redis.pttl(of)).toBeLessThanOrEqual(hourMs)
  await names.end(id, 'let-go')
  expect(await redis.pttl(`${namespace}:kept:${id}`)).toBeGreaterThan(13 * dayMs)
  await names.drop(id)
  expect(await names.ids()).toEqual([])
})

test('how all names stand is read in one go', async () => {
  const { names, asking, bring, redis, namespace } = setUp()
  expect(await names.standings()).toEqual([])
  await names.enter(asking('j1'))
  expect(await names.standings()).toEqual([{ state: 'new', leftMs: 0 }])
  await bring('j1', 30 * hourMs)
  expect(await names.standings()).toMatchObject([{ state: 'fresh' }])
  expect(await keptStandings(names)).toMatchObject({ states: { fresh: 1, ageing: 0 }, soonestEndS: Infinity })
  await redis.hset(`${namespace}:kept:${id}`, 'renewBeforeMs', 31 * hourMs)
  const [ageing] = await names.standings()
  expect(ageing?.state).toBe('ageing')
  expect(ageing?.leftMs).toBeGreaterThan(29 * hourMs)
  // Nobody may be there to renew it: people count its time, too.
  expect((await keptStandings(names)).soonestEndS).toBeGreaterThan(29 * 3_600)
  expect((await keptStandings(names)).soonestEndS).toBeLessThan(30 * 3_600)
  await redis.hset(`${namespace}:kept:${id}`, 'faultAtMs', Date.now())
  expect(await names.standings()).toMatchObject([{ state: 'failing' }])
  await redis.hset(`${namespace}:kept:${id}`, 'forgottenAtMs', Date.now())
  expect(await names.standings()).toEqual([{ state: 'dead', leftMs: 0 }])
  await names.end(id, 'let-go')
  expect(await names.standings()).toMatchObject([{ state: 'ended' }])
})
