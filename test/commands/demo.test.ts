import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testRedis } from '../support/redis.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import { start } from './cli.ts'

const others = [
  'HD voice',
  'permanent image',
  'article',
  'async upload, by callback',
  'async upload, by polling',
]

test('the demo brings every file back and shows every other way, stays up with --keep, and leaves nothing behind', async () => {
  const { redis, url, prefix } = testRedis()
  const temp = await tempDir()
  const cli = start(['demo', '--keep'], { env: { REDIS_URL: url, WECOM_MEDIA_PREFIX: prefix, TMPDIR: temp } })
  await until('the end of the demo', () => cli.stderr().includes('Ctrl-C'))
  const files = (await readdir(join(import.meta.dirname, '../../demo'))).filter(name =>
    /\.(jpg|png|amr|mp4|pdf)$/.test(name),
  )
  expect(files).toHaveLength(5)
  for (const name of files) expect(cli.stdout()).toMatch(new RegExp(`│ ${name} .*│ +yes +│`))
  for (const way of others) expect(cli.stdout()).toMatch(new RegExp(`│ ${way} .*│ +yes +│`))
  const metrics = /http:\S+\/metrics/.exec(cli.stderr())?.[0] ?? ''
  expect(await (await fetch(metrics)).text()).toContain('wecom_media_jobs_total')
  cli.signal('SIGINT')
  expect(await cli.ended).toEqual({ code: 0, signal: null })
  expect(await redis.keys(`*${prefix}*`)).toEqual([])
  expect(await readdir(temp)).toEqual([])
})
