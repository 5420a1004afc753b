/** `kept`, and the flags of `upload` that lead there: the worker is another process. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Deployment, deploy } from '../support/deployment.ts'
import { envOf, failure, type Line, runMany, type Said } from './cli.ts'

const photo = join(import.meta.dirname, '../../demo/photo.jpg')

describe('kept', () => {
  let there: Deployment
  let line: (...args: string[]) => Line
  beforeAll(async () => {
    there = await deploy()
    await there.startHere()
    await there.put('photo.jpg', await readFile(photo))
    const env = { ...envOf(there), WECOM_CORP_ID: undefined, WECOM_CORP_SECRET: undefined }
    line = (...args) => ({ args, env, cwd: there.root })
  })

  test('shows what an upload keeps alive, all of it and by name, and lets go of it', async () => {
    const until = ['--until', '2099-12-31']
    const [none, up, all, one, gone, again, unknown] = (await runMany([
      line('kept'),
      line('upload', 'image', 'photo.jpg', '--keep-alive', 'logo', ...until),
      line('kept'),
      line('kept', 'logo', '--app', 'default'),
      line('kept', 'logo', '--let-go'),
      line('kept', 'logo', '--let-go'),
      line('kept', 'other'),
    ])) as [Said, Said, Said, Said, Said, Said, Said]
    expect(none.object).toEqual({ kept: [] })
    const { mediaId } = up.object
    expect(one.object).toMatchObject({ name: 'logo', state: 'fresh', mediaId, type: 'image' })
    expect(all.object).toMatchObject({ kept: [{ name: 'logo', mediaId }] })
    expect(gone).toMatchObject({ code: 0, lines: [], object: { state: 'ended', endedBy: 'let-go', mediaId } })
    expect(again).toMatchObject({ code: 0, lines: [expect.stringContaining('had ended')] })
    expect(failure(unknown)).toMatchObject({ code: 1, kind: 'not-found' })
  })

  test.each([
    [['kept', '--let-go'], 'invalid'],
    [['upload', 'image', 'photo.jpg', '--keep-alive', 'a', '--until', 'soon'], 'invalid'],
    [['upload', 'image', 'photo.jpg', '--keep-alive', 'a'], 'invalid'],
    [['upload', 'image', 'photo.jpg', '--until', '2099-12-31'], 'invalid'],
    [['upload', 'image', 'photo.jpg', '--keep-alive', 'a b', '--until', '2099-12-31'], 'invalid'],
    [['upload', 'image', 'photo.jpg', '--keep-alive', 'a', '--until', '2020-12-31'], 'invalid'],
    [['upload', 'image', 'photo.jpg', '--keep-alive', 'a', '--until', '2099-12-31', '--here'], 'invalid'],
  ])('%j is wrong usage', async (args, kind) => {
    const [said] = (await runMany([line(...args)])) as [Said]
    expect(failure(said)).toMatchObject({ code: 2, kind })
  })

  test('needs a Redis', async () => {
    const [said] = (await runMany([{ args: ['kept'], env: { REDIS_URL: 'redis://127.0.0.1:1' } }])) as [Said]
    expect(failure(said)).toMatchObject({ code: 3, kind: 'unavailable' })
  })
})
