import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Entry, type Subject, subjectHash } from '../../src/ledger/entry.ts'
import { createLedger } from '../../src/ledger/index.ts'
import { createRecords, type Request } from '../../src/record/index.ts'
import { testRedis } from '../support/redis.ts'

const hourMs = 3_600_000
const media: Subject = { as: 'media', corp: 'ww1', type: 'image', sha256: 'a'.repeat(64) }

const request = (id: string): Request => ({
  ...{ id, name: 'media.upload', queue: 'upload', payload: '{}', fingerprint: 'f', deadlineMs: 60_000 },
})

function setUp() {
  const { redis, prefix } = testRedis()
  const namespace = `{${prefix}}:p0`
  const records = createRecords(redis, namespace)
  const ledger = createLedger(redis, namespace)
  const lock = (id: string) => `${namespace}:upload:${id}:lock`
  return {
    ...{ redis, namespace, records, ledger, lock },
    /** A job that runs, as the ledger sees it. */
    async claimant(id: string) {
      await records.open(request(id))
      await redis.set(lock(id), 'me')
      const claim = await records.claim(request(id), { jobId: id, token: 'me' })
      if (claim.as !== 'claimed') throw new Error(claim.as)
      const bull = { queue: 'upload', jobId: id }
      return { ...bull, ...records.keysOf(id, bull), fence: claim.fence, urgent: false }
    },
  }
}

const entry = (leftMs: number, value = 'm1'): Entry => ({
  ...{ value, createdAtMs: Date.now(), expiresAtMs: Date.now() + leftMs, sizeBytes: 9, job: 'j' },
})

describe('subjects', () => {
  test('are equal when every field is, and in no other case', () => {
    const text = fc.string({ minLength: 0, maxLength: 6 })
    const subject = fc.record({
      as: fc.constant('media' as const),
      corp: text,
      type: text,
      name: text,
      sha256: text,
    })
    fc.assert(
      fc.property(subject, subject, (one, two) => {
        const isSame = JSON.stringify(one) === JSON.stringify(two)
        expect(subjectHash(one) === subjectHash(two)).toBe(isSame)
      }),
    )
    const { as, corp, ...others } = { ...media }
    expect(subjectHash({ ...others, corp, as } as Subject)).toBe(subjectHash(media))
  })

  test('of two corps, types, names, places and ways differ', () => {
    const { sha256 } = media
    const hashes = [
      media,
      { ...media, corp: 'ww2' },
      { ...media, type: 'file' },
      { ...media, type: 'file', name: 'a' },
      { ...media, type: 'file', name: 'b' },
      { ...media, attachment: 'moments' },
      { as: 'image', corp: 'ww1', sha256 },
      { as: 'async', corp: 'ww1', type: 'file', name: 'a', md5: sha256 },
    ].map(each => subjectHash(each as Subject))
    expect(new Set(hashes).size).toBe(8)
  })
})

describe('the ledger', () => {
  test('has what accept wrote, for as long as enough of its life is left', async () => {
    const { records, ledger, claimant, redis, namespace } = setUp()
    const first = await claimant('j1')
    expect(await ledger.take(media, first, hourMs)).toEqual({ as: 'lead' })
    const written = entry(2 * hourMs)
    await records.accept('j1', { mediaId: 'm1' }, ledger.write(media, written))
    const second = await claimant('j2')
    expect(await ledger.take(media, second, hourMs)).toEqual({ as: 'hit', entry: written })
    expect(await ledger.take(media, second, 3 * hourMs)).toEqual({ as: 'lead' })
    expect(await ledger.read(media)).toEqual(written)
    const keys = await redis.keys(`${namespace}:ledger:*`)
    const lives = await Promise.all(keys.map(key => redis.pttl(key)))
    // The entry leaves with its life; the leader of j2 with the longest job.
    expect(lives.every(ms => ms > 0)).toBe(true)
    expect(Math.min(...lives)).toBeLessThanOrEqual(2 * hourMs)
  })

  test('takes no second result of the same job, and nothing that accept refused', async () => {
    const { records, ledger, claimant } = setUp()
    await claimant('j1')
    await records.accept('j1', { mediaId: 'm1' }, ledger.write(media, entry(hourMs, 'm1')))
    await records.accept('j1', { mediaId: 'm2' }, ledger.write(media, entry(hourMs, 'm2')))
    expect(await ledger.read(media)).toMatchObject({ value: 'm1' })
  })

  test('keeps an image for ever', async () => {
    const { records, ledger, claimant, redis, namespace } = setUp()
    const image: Subject = { as: 'image', corp: 'ww1', sha256: 'b' }
    await claimant('j1')
    const { expiresAtMs: _, ...forEver } = entry(0, 'http://p.qpic.cn/1')
    await records.accept('j1', {}, ledger.write(image, forEver))
    const [key = ''] = await redis.keys(`${namespace}:ledger:*`)
    expect(await redis.pttl(key)).toBe(-1)
    expect(await ledger.take(image, await claimant('j2'), hourMs)).toMatchObject({ as: 'hit' })
  })

  test('lets one job lead while it runs, waits or is queued, and tells its accept who follows', async () => {
    const { records, ledger, claimant, redis, lock } = setUp()
    const leader = await claimant('j1')
    const follower = await claimant('j2')
    expect(await ledger.take(media, leader, hourMs)).toEqual({ as: 'lead' })
    expect(await ledger.take(media, leader, hourMs)).toEqual({ as: 'lead' })
    expect(await ledger.take(media, follower, hourMs)).toEqual({ as: 'follow' })
    const why = { kind: 'limit', message: 'x' } as const
    await records.settle({ id: 'j1', fence: leader.fence }, { as: 'waiting', ms: 1_000, why })
    await redis.del(lock('j1'))
    expect(await ledger.take(media, follower, hourMs)).toEqual({ as: 'follow' })
    const urgent = { ...(await claimant('j3')), urgent: true }
    expect(await ledger.take(media, urgent, hourMs)).toEqual({ as: 'lead' })
    expect(await ledger.take(media, leader, hourMs)).toEqual({ as: 'follow' })
    await redis.del(lock('j3'))
    expect(await ledger.take(media, leader, hourMs)).toEqual({ as: 'lead' })
    expect(await ledger.take(media, follower, hourMs)).toEqual({ as: 'follow' })
    const accepted = await records.accept('j1', {}, ledger.write(media, entry(2 * hourMs)))
    expect(accepted).toMatchObject({ as: 'accepted' })
    expect(accepted.as === 'accepted' && accepted.followers.map(({ jobId }) => jobId).toSorted()).toEqual([
      'j1',
      'j2',
    ])
    expect(await ledger.take(media, follower, hourMs)).toMatchObject({ as: 'hit' })
  })

  test('has a new leader when the old one has lost its lock, has ended, or gave up its right', async () => {
    const { records, ledger, claimant, redis, lock } = setUp()
    const [first, second, third, fourth] = [
      await claimant('j1'),
      await claimant('j2'),
      await claimant('j3'),
      await claimant('j4'),
    ]
    await ledger.take(media, first, hourMs)
    await redis.del(lock('j1'))
    expect(await ledger.take(media, second, hourMs)).toEqual({ as: 'lead' })
    const fault = { kind: 'rejected', message: 'x' } as const
    await records.settle({ id: 'j2', fence: second.fence }, { as: 'failed', fault })
    expect(await ledger.take(media, third, hourMs)).toEqual({ as: 'lead' })
    await ledger.release(media, second)
    expect(await ledger.take(media, fourth, hourMs)).toEqual({ as: 'follow' })
    expect(await ledger.release(media, third)).toEqual([{ queue: 'upload', jobId: 'j4' }])
    expect(await ledger.take(media, fourth, hourMs)).toEqual({ as: 'lead' })
  })

  test('forgets what the platform no longer knows, unless another one has taken its place', async () => {
    const { records, ledger, claimant } = setUp()
    await claimant('j1')
    await records.accept('j1', {}, ledger.write(media, entry(hourMs, 'm1')))
    expect(await ledger.forget('ww2', 'm1')).toBe(false)
    expect(await ledger.forget('ww1', 'm1')).toBe(true)
    expect(await ledger.forget('ww1', 'm1')).toBe(false)
    expect(await ledger.read(media)).toBeUndefined()
    await claimant('j2')
    await claimant('j3')
    await records.accept('j2', {}, ledger.write(media, entry(hourMs, 'm2')))
    await records.accept('j3', {}, ledger.write(media, entry(hourMs, 'm3')))
    expect(await ledger.forget('ww1', 'm2')).toBe(false)
    expect(await ledger.read(media)).toMatchObject({ value: 'm3' })
  })
})
