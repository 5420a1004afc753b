/** `jobs` and `drain`, as an operator's scripts meet them: real Redis, real workers, stdout of one object. */

import { Queue } from 'bullmq'
import { beforeAll, describe, expect, test } from 'vitest'
import { queueNames } from '../../src/queues/jobs.ts'
import type { Listed } from '../../src/queues/listing.ts'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { ended, envOf, failure, openShell, runMany, type Said, start } from './cli.ts'

const jpg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(500, 7)])

/** Whoever steers needs Redis, and no account. */
const settingsOf = (it: Deployment) => ({
  ...envOf(it),
  WECOM_CORP_ID: undefined,
  WECOM_CORP_SECRET: undefined,
})

let shell: ReturnType<typeof openShell>
beforeAll(() => {
  shell = openShell()
})

const begin = async () => {
  const it = await deploy()
  await it.put('a.jpg', jpg)
  const env = settingsOf(it)
  return {
    ...it,
    say: (...args: string[]) => shell({ args, env }),
    many: async (...lines: readonly (readonly string[])[]) => {
      const said: Said[] = []
      for (const args of lines) said.push(await shell({ args, env }))
      return said
    },
    start: (...args: string[]) => start(args, { env }),
    upload: (path: string) => it.producer.upload({ type: 'image', source: { path } }),
  }
}

const listed = ({ object }: { readonly object: Record<string, unknown> }) => object['jobs'] as Listed[]
const idsOf = (jobs: readonly Listed[]) => jobs.map(({ id }) => id).toSorted()

describe('jobs list', () => {
  test('tells jobs by state, kind, errcode, queue and time, with what each waits for or has failed of', async () => {
    const it = await begin()
    it.simulator.faults.add({ method: 'media/upload', times: 1, do: 'errcode', errcode: 48002 })
    const worker = await it.startHere()
    const refused = await it.upload('a.jpg')
    await expect(it.producer.result(refused)).rejects.toThrow()
    const missing = await it.upload('none.jpg')
    await expect(it.producer.result(missing)).rejects.toThrow()
    await it.producer.result(await it.upload('a.jpg'))
    await worker.stop()
    const waiting = await it.producer.download({ mediaId: 'm' })
    const [all, failed, byCode, byKind, byQueue, past, few] = await it
      .many(
        ['jobs', 'list'],
        ['jobs', 'list', '--state', 'failed'],
        ['jobs', 'list', '--errcode', '48002'],
        ['jobs', 'list', '--kind', 'not-found'],
        ['jobs', 'list', '--queue', 'download,image'],
        ['jobs', 'list', '--since', '2020-01-01', '--state', 'failed,completed'],
        ['jobs', 'list', '--limit', '1'],
      )
      .then(said => said.map(each => each ?? expect.unreachable()))
    const ids = (said: typeof all) => idsOf(listed(said as NonNullable<typeof all>))
    expect(ids(all)).toEqual([refused.id, missing.id, waiting.id].toSorted())
    expect(ids(failed)).toEqual([refused.id, missing.id].toSorted())
    expect(ids(byCode)).toEqual([refused.id])
    expect(ids(byKind)).toEqual([missing.id])
    expect(ids(byQueue)).toEqual([waiting.id])
    expect(ids(past)).toHaveLength(3)
    expect([few?.object['more'], all?.object['more']]).toEqual([true, false])
    expect(listed(byCode as NonNullable<typeof all>)).toMatchObject([
      { name: 'media.upload', queue: 'upload', place: 'failed', state: 'failed', fault: { errcode: 48002 } },
    ])
  })

  test('tells 5,000 jobs that wait, page by page and each once', async () => {
    const it = await begin()
    const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
    atEnd(() => queue.close())
    const data = { type: 'image', source: { path: 'a.jpg' } }
    await queue.addBulk(
      Array.from({ length: 5_000 }, (_each, n) => ({
        name: 'media.upload',
        data,
        opts: { jobId: `j${n}`, priority: 10 },
      })),
    )
    const said = await it.say('jobs', 'list', '--limit', '10000')
    expect(said.code).toBe(0)
    const jobs = listed(said)
    expect(new Set(idsOf(jobs)).size).toBe(5_000)
    // Of a foreign producer, and nobody has begun them.
    expect(jobs[0]).toMatchObject({
      queue: 'upload',
      place: 'waiting',
      id: expect.stringMatching(/^upload-j\d+$/),
    })
    expect(jobs[0]).not.toHaveProperty('state')
  })
})

describe('jobs show', () => {
  test('has all that is known, and nothing that opens a URL', async () => {
    const it = await begin()
    await it.startHere()
    const url = 'https://media.example.com/secret-path/a.jpg?sign=s3cret'
    const job = await it.producer.upload({
      type: 'image',
      source: { url },
      webhook: 'https://app.example.com/s3cret',
    })
    await expect(it.producer.result(job)).rejects.toThrow()
    const { code, object } = await it.say('jobs', 'show', job.id)
    expect(code).toBe(0)
    expect(object).toMatchObject({
      ...{
        id: job.id,
        name: 'media.upload',
        queue: 'upload',
        state: 'failed',
        place: 'failed',
        fence: 1,
        calls: 0,
      },
      payload: { source: { url: 'https://media.example.com/…' }, webhook: 'https://app.example.com/…' },
      fault: { kind: 'forbidden-address' },
    })
    expect(JSON.stringify(object)).not.toMatch(/s3cret|secret-path/)
  })

  test('an unknown id fails', async () => {
    const it = await begin()
    expect(failure(await it.say('jobs', 'show', 'nobody'))).toMatchObject({ code: 1, kind: 'not-found' })
  })
})

describe('jobs retry', () => {
  const withFailures = async () => {
    const it = await begin()
    await it.startHere()
    const jobs = []
    for (const path of ['late.jpg', 'late.jpg', 'late.jpg']) jobs.push(await it.upload(path))
    const image = await it.producer.uploadImage({ source: { path: 'late.png' } })
    for (const job of [...jobs, image]) await expect(it.producer.result(job)).rejects.toThrow()
    await it.put('late.jpg', jpg)
    return { it, jobs, image }
  }

  test('runs all that failed of one kind again, when told so, and nothing on a dry run', async () => {
    const { it, jobs, image } = await withFailures()
    const filter = ['jobs', 'retry', '--kind', 'not-found', '--queue', 'upload', '--since', '1h']
    const [dry, unasked] = await it.many([...filter, '--dry-run'], filter)
    expect(dry?.object).toMatchObject({ queued: 3, dryRun: true })
    expect(failure(unasked ?? expect.unreachable())).toMatchObject({
      code: 2,
      message: expect.stringContaining('--yes'),
    })
    for (const job of jobs) expect((await it.producer.read(job.id))?.state).toBe('failed')
    const done = await it.say(...filter, '--yes')
    expect(done).toMatchObject({ code: 0, object: { queued: 3, notFailed: 0, unknown: 0, dryRun: false } })
    for (const job of jobs) expect(await it.producer.result(job)).toMatchObject({ name: 'late.jpg' })
    expect((await it.producer.read(image.id))?.state).toBe('failed')
  })

  test('runs named jobs again; one that has not failed is a failure of the command, an unknown one touches nothing', async () => {
    const { it, jobs } = await withFailures()
    const [first, second] = jobs.map(({ id }) => id)
    const unknown = failure(await it.say('jobs', 'retry', String(first), 'nobody'))
    expect(unknown).toMatchObject({ code: 1, kind: 'not-found' })
    expect((await it.producer.read(String(first)))?.state).toBe('failed')
    expect(await it.say('jobs', 'retry', String(first))).toMatchObject({ code: 0, object: { ids: [first] } })
    await it.producer.result(String(first))
    const both = await it.say('jobs', 'retry', String(first), String(second))
    expect(both).toMatchObject({ code: 1, object: { queued: 1, notFailed: 1, ids: [second] } })
  })

  test('leaves alone what people have cancelled', async () => {
    const it = await begin()
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    await it.startHere()
    const job = await it.upload('a.jpg')
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    await it.producer.cancel(job)
    const failed = async () => listed(await it.say('jobs', 'list', '--state', 'failed'))
    await until('it is in no state but failed', async () => (await failed()).length === 1)
    expect(await it.say('jobs', 'retry', '--since', '1h', '--yes')).toMatchObject({ object: { queued: 0 } })
  })
})

test('jobs cancel ends what has not ended, and says what had', async () => {
  const it = await begin()
  const [one, other] = [await it.upload('a.jpg'), await it.upload('a.jpg')]
  const both = await it.say('jobs', 'cancel', one.id, other.id)
  expect(both).toMatchObject({ code: 0, object: { cancelled: [one.id, other.id], ended: [] } })
  expect((await it.producer.read(one.id))?.state).toBe('cancelled')
  await it.startHere()
  const done = await it.upload('a.jpg')
  await it.producer.result(done)
  expect(await it.say('jobs', 'cancel', done.id)).toMatchObject({ code: 1, object: { ended: [done.id] } })
})

describe('drain', () => {
  test('waits for what runs, takes nothing more in any worker, and goes on when told to', async () => {
    const it = await begin()
    it.simulator.faults.add({ method: 'media/upload', times: 1, do: 'hold', at: 'answer' })
    await Promise.all([it.startHere(), it.startHere()])
    const running = await it.producer.upload({ type: 'image', source: { path: 'a.jpg' }, reuse: 'never' })
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    const draining = it.start('drain')
    await until('it waits', () => draining.stderr().includes('still running: upload 1'))
    const next = await it.producer.upload({ type: 'image', source: { path: 'a.jpg' }, reuse: 'never' })
    it.simulator.release()
    expect(await ended(draining)).toMatchObject({ code: 0, object: { paused: queueNames, running: 0 } })
    await it.producer.result(running)
    expect(await it.say('jobs', 'list')).toMatchObject({
      object: { paused: queueNames, jobs: [{ id: next.id, place: 'waiting', state: 'queued' }] },
    })
    expect(it.simulator.log({ method: 'media/upload' })).toHaveLength(1)
    expect(await it.say('drain', '--resume')).toMatchObject({ code: 0, object: { resumed: queueNames } })
    await it.producer.result(next)
  })

  test('ends with 3 when something runs longer than --timeout, with 130 at Ctrl-C, and stays paused', async () => {
    const it = await begin()
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    await it.startHere()
    await it.upload('a.jpg')
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    const late = failure(await it.say('drain', '--timeout', '200ms', '--queue', 'upload'))
    expect(late).toMatchObject({ code: 3, message: expect.stringContaining('upload 1') })
    const cut = it.start('drain', '--queue', 'upload')
    await until('it waits', () => cut.stderr().includes('still running'))
    cut.signal('SIGINT')
    expect(failure(await ended(cut))).toMatchObject({
      code: 130,
      message: expect.stringContaining('stay paused'),
    })
    expect((await it.say('jobs', 'list')).object['paused']).toEqual(['upload'])
    it.simulator.release()
  })
})

describe('mistakes', () => {
  const lines: Readonly<Record<string, readonly [args: readonly string[], naming: string]>> = {
    'a state that does not exist': [['jobs', 'list', '--state', 'stuck'], '"stuck": write active, failed'],
    'a queue that does not exist': [['jobs', 'list', '--queue', 'uploads'], '"uploads": write upload'],
    'a kind that does not exist': [['jobs', 'list', '--kind', 'bad'], '"bad": write limit, quota'],
    'an errcode that is none': [['jobs', 'list', '--errcode', 'x'], '"x"'],
    'a time that is none': [['jobs', 'retry', '--since', 'soon'], '"soon" is no time: write noon'],
    'a limit of nothing': [['jobs', 'list', '--limit', '0'], '"0"'],
    'an id that is none': [['jobs', 'show', 'a b'], '"a b"'],
    'a retry of nothing': [['jobs', 'retry'], '--errcode'],
    'a retry of ids and of all': [['jobs', 'retry', 'a', '--kind', 'busy'], 'ids'],
    'no command': [['jobs'], 'list, show, retry, cancel'],
    'an unknown command': [['jobs', 'lst'], '"jobs lst": list, show'],
    'a cancel of nothing': [['jobs', 'cancel'], 'ids'],
    'a resume that waits': [['drain', '--resume', '--timeout', '1s'], '--timeout'],
    'a timeout that is none': [['drain', '--timeout', 'soon'], '30s'],
  }
  let said: Said[]
  beforeAll(async () => {
    said = await runMany(Object.values(lines).map(([args]) => ({ args })))
  })

  test.each(
    Object.keys(lines).map((what, index) => [what, index] as const),
  )('%s is wrong usage, told in one line', (what, index) => {
    const told = failure(said[index] ?? expect.unreachable())
    expect(told).toMatchObject({ code: 2, kind: 'invalid' })
    expect(told.message).toContain(lines[what]?.[1])
  })

  test('without a Redis, and with one that is away, they say so', async () => {
    const away = { args: ['jobs', 'list'], env: { REDIS_URL: 'redis://127.0.0.1:9' } }
    const without = [['jobs', 'list'], ['jobs', 'retry', 'a'], ['drain']].map(args => ({ args }))
    const ends = (await runMany([away, ...without])).map(one => failure(one))
    expect(ends.map(({ code, kind }) => `${code} ${kind}`)).toEqual([
      '3 unavailable',
      ...Array(3).fill('2 config'),
    ])
  })
})
