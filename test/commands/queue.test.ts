/** `upload` and `download` as they put a job on the queue and wait for its result: the worker is another process. */

import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import { ended, envOf, failure, type Line, runMany, type Said, start } from './cli.ts'

const demo = join(import.meta.dirname, '../../demo')

describe('with workers', () => {
  let there: Deployment
  let line: (...args: string[]) => Line
  beforeAll(async () => {
    there = await deploy()
    await there.startHere()
    await there.put('photo.jpg', await readFile(join(demo, 'photo.jpg')))
    await there.put('other.jpg', await readFile(join(demo, 'photo.jpg')))
    // No account: whoever enqueues needs none.
    const env = { ...envOf(there), WECOM_CORP_ID: undefined, WECOM_CORP_SECRET: undefined }
    line = (...args) => ({ args, env, cwd: there.root })
  })

  test('a file goes up and comes down again, to another file system too', async () => {
    const [up] = await runMany([line('upload', 'image', 'photo.jpg')])
    expect(up).toMatchObject({ code: 0, lines: [], object: { name: 'photo.jpg' } })
    const other = existsSync('/dev/shm') ? await mkdtemp('/dev/shm/wecom-media-test-') : await tempDir()
    atEnd(() => rm(other, { recursive: true }))
    const mediaId = String(up?.object['mediaId'])
    const target = join(other, '照片.jpg')
    const [kept, put] = await runMany([line('download', mediaId), line('download', mediaId, '-o', target)])
    expect(kept?.object['path']).toMatch(new RegExp(`^${there.downloads}/[A-Z0-9]+\\.jpg$`))
    expect(put?.object['path']).toBe(target)
    for (const path of [String(kept?.object['path']), target])
      expect((await readFile(path)).equals(await readFile(join(demo, 'photo.jpg')))).toBe(true)
    expect(await readdir(other)).toEqual(['照片.jpg'])
    // The worker's own is the worker's.
    expect(await readdir(there.downloads)).toHaveLength(2)
  })

  test('the same key is the same job, and with another payload a conflict', async () => {
    const said = await runMany([
      line('upload', 'image', 'photo.jpg', '--key', 'order-17'),
      line('upload', 'image', 'photo.jpg', '--key', 'order-17'),
      line('upload', 'image', 'other.jpg', '--key', 'order-17'),
      line('upload', 'image', 'photo.jpg', '--key', '订单'),
    ])
    const [first, second, third, fourth] = said as [Said, Said, Said, Said]
    expect(first.object['mediaId']).toEqual(expect.any(String))
    expect(second.object).toEqual(first.object)
    expect(failure(third)).toMatchObject({ code: 1, kind: 'conflict' })
    expect(failure(fourth)).toMatchObject({ code: 2, kind: 'invalid' })
  })

  test('what the worker refuses is told with its kind', async () => {
    const said = await runMany([
      line('upload', 'image', 'missing.jpg'),
      line('upload', 'image', join(demo, 'photo.jpg')),
      line('upload', 'image', 'photo.jpg', '--app', 'other'),
      line('download', 'no-such-media-id'),
    ])
    const kinds = said.map(one => failure(one)).map(({ code, kind }) => `${code} ${kind}`)
    expect(kinds).toEqual(['1 not-found', '1 forbidden-address', '1 config', '1 gone'])
  })
})

describe('without workers', () => {
  const begin = async () => {
    const there = await deploy()
    await there.put('photo.jpg', await readFile(join(demo, 'photo.jpg')))
    const rest = { env: envOf(there), cwd: there.root }
    return { there, rest }
  }

  test('waiting ends with 3 when nobody came in time, --no-wait with the id, and both jobs stay', async () => {
    const { there, rest } = await begin()
    const [late, queued] = await runMany([
      { args: ['upload', 'image', 'photo.jpg', '--timeout', '300ms'], ...rest },
      { args: ['upload', 'image', 'photo.jpg', '--no-wait'], ...rest },
    ])
    const { code, kind, message } = failure(late ?? expect.unreachable())
    expect({ code, kind }).toEqual({ code: 3, kind: 'unavailable' })
    expect(queued).toMatchObject({
      code: 0,
      lines: [],
      object: { id: expect.any(String), name: 'media.upload' },
    })
    await there.startHere()
    for (const id of [/job (\w+)/.exec(message)?.[1] ?? '', String(queued?.object['id'])])
      expect(await there.producer.result(id)).toMatchObject({ name: 'photo.jpg' })
  })

  test('Ctrl-C ends the waiting with 130, not the job', async () => {
    const { there, rest } = await begin()
    const cli = start(['upload', 'image', 'photo.jpg'], rest)
    const queued = () => there.redis.keys(`${there.namespace}:upload:*`).then(keys => keys.length > 3)
    await until('a job on the queue', queued)
    cli.signal('SIGINT')
    const { code, message } = failure(await ended(cli))
    expect(code).toBe(130)
    const id = /job (\w+)/.exec(message)?.[1] ?? ''
    await there.startHere()
    expect(await there.producer.result(id)).toMatchObject({ name: 'photo.jpg' })
  })
})
