/** `upload` and `download` with --here: one command that runs its own job. The simulator's log says what was really sent. */

import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Deployment, deploy } from '../support/deployment.ts'
import { ownRedis } from '../support/redis.ts'
import { tempDir } from '../support/temp.ts'
import { ended, envOf, failure, type Line, run, runMany, type Said, start } from './cli.ts'

const demo = join(import.meta.dirname, '../../demo')
const photo = await readFile(join(demo, 'photo.jpg'))
const hours = 3_600_000

let there: Deployment
let env: Record<string, string>
beforeAll(async () => {
  there = await deploy()
  env = envOf(there)
})
/** A new start on both sides: a token of before would be refused now. */
const reset = async (): Promise<void> => {
  await there.simulator.reset()
  const tokens = await there.redis.keys(`*${there.config.prefix}*:token:*`)
  if (tokens.length > 0) await there.redis.unlink(tokens)
}
beforeEach(reset)

const calls = (method?: string) => there.simulator.log(method === undefined ? {} : { method })
/** Keys that only one command can need. */
const litter = () => there.redis.keys(`*${there.config.prefix}*:here*`)
/** A folder to be in, with the photo under a name that needs care. */
const folder = async (): Promise<string> => {
  const cwd = await tempDir()
  await writeFile(join(cwd, '我的 照片.jpg'), photo)
  return cwd
}
const here = (args: readonly string[], cwd: string, more: Line['env'] = {}): Line => ({
  args: [...args, '--here'],
  cwd,
  env: { ...env, WECOM_MEDIA_ROOTS: undefined, WECOM_MEDIA_DOWNLOADS: undefined, ...more },
})
const runHere = (...line: Parameters<typeof here>): Promise<Said> => {
  const { args, ...rest } = here(...line)
  return run(args, rest)
}

describe('one command is enough', () => {
  test.runIf(ownRedis)('without a Redis, and leaves nothing behind', async () => {
    const cwd = await folder()
    const temp = await tempDir()
    const alone = { REDIS_URL: undefined, TMPDIR: temp }
    const up = await runHere(['upload', 'image', '我的 照片.jpg'], cwd, alone)
    expect(up).toMatchObject({
      code: 0,
      lines: [],
      object: { name: '我的 照片.jpg', sizeBytes: photo.length },
    })
    const down = await runHere(['download', String(up.object['mediaId']), '-o', 'copy.jpg'], cwd, alone)
    expect(down).toMatchObject({ code: 0, lines: [], object: { path: join(cwd, 'copy.jpg') } })
    expect((await readFile(join(cwd, 'copy.jpg'))).equals(photo)).toBe(true)
    expect((await readdir(cwd)).toSorted()).toEqual(['copy.jpg', '我的 照片.jpg'])
    expect(await readdir(temp)).toEqual([])
  })

  test('puts files where it is told to, and leaves no key in a Redis that others use', async () => {
    const cwd = await folder()
    await mkdir(join(cwd, 'in'))
    await writeFile(join(cwd, 'old.jpg'), 'old')
    const { mediaId } = await there.simulator.addMedia({
      name: '我的 照片.jpg',
      contentBase64: photo.toString('base64'),
    })
    const download = (...more: string[]) => here(['download', mediaId, ...more], cwd)
    const said = await runMany([
      download('-o', 'in'),
      download('-o', 'in'),
      download('-o', 'in/named.jpg'),
      download('-o', 'old.jpg'),
      download(),
    ])
    const paths = said.map(({ object }) => String(object['path']).replace(`${cwd}/`, ''))
    expect(paths).toEqual([
      'in/我的 照片.jpg',
      'in/我的 照片 (2).jpg',
      'in/named.jpg',
      'old.jpg',
      expect.stringMatching(/^downloads\/[A-Z0-9]+\.jpg$/),
    ])
    for (const path of paths) expect((await readFile(join(cwd, path))).equals(photo)).toBe(true)
    expect((await readdir(join(cwd, 'in'))).length).toBe(3)
    expect(await litter()).toEqual([])
  })

  test('a body that ends early is fetched again', async () => {
    const cwd = await folder()
    const { mediaId, sha256 } = await there.simulator.addMedia({ name: 'a.bin', sizeBytes: 300_000 })
    there.simulator.faults.add({ method: 'media/get', do: 'half-body' })
    const { code, object } = await runHere(['download', mediaId, '-o', 'a.bin'], cwd)
    expect({ code, sha256: object['sha256'] }).toEqual({ code: 0, sha256 })
    expect(calls('media/get').length).toBe(2)
  })
})

describe('what bad input gets: one line, exit code 1, nothing sent', () => {
  const amr = Buffer.concat([
    Buffer.from('#!AMR\n'),
    Buffer.alloc(3_050 * 13, Buffer.from('04'.padEnd(26, '0'), 'hex')),
  ])
  const cases: Record<string, [args: readonly string[], kind: string, naming: string]> = {
    'a file of 5 bytes': [['image', 'five.jpg'], 'invalid', '5 bytes'],
    'a file over the limit': [['image', 'big.jpg'], 'too-big', '10485760'],
    'other first bytes': [['image', 'text.jpg'], 'wrong-type', 'JPG or PNG'],
    'a voice of 61 seconds': [['voice', 'long.amr'], 'too-big', '60 s'],
    'a name over the limit': [['image', 'photo.jpg', '--name', `${'照'.repeat(90)}.jpg`], 'invalid', '255'],
    'a path outside the roots': [['file', join(demo, 'photo.jpg')], 'forbidden-address', 'WECOM_MEDIA_ROOTS'],
    'a way out of the roots': [['file', 'out.jpg'], 'forbidden-address', 'WECOM_MEDIA_ROOTS'],
    'a missing file': [['image', 'missing.jpg'], 'not-found', 'missing.jpg'],
    'a folder': [['image', '.'], 'invalid', 'folder'],
  }
  let said: readonly Said[] = []
  let sent: readonly unknown[] = []
  let left: readonly string[] = []
  beforeAll(async () => {
    await reset()
    const cwd = await tempDir()
    await writeFile(join(cwd, 'five.jpg'), photo.subarray(0, 5))
    await writeFile(join(cwd, 'photo.jpg'), photo)
    await writeFile(join(cwd, 'big.jpg'), photo)
    await truncate(join(cwd, 'big.jpg'), 10 * 1024 * 1024 + 1)
    await writeFile(join(cwd, 'text.jpg'), 'only text')
    await writeFile(join(cwd, 'long.amr'), amr)
    await symlink(join(demo, 'photo.jpg'), join(cwd, 'out.jpg'))
    const before = await readdir(cwd)
    said = await runMany(Object.values(cases).map(([args]) => here(['upload', ...args], cwd)))
    sent = calls()
    left = [...(await litter()), ...(await readdir(cwd)).filter(name => !before.includes(name))]
  })

  test.each(Object.keys(cases).map((what, index) => [what, index] as const))('%s', (what, index) => {
    const [, kind, naming] = cases[what] ?? expect.unreachable()
    const found = failure(said[index] ?? expect.unreachable())
    expect(found).toEqual({ code: 1, kind, message: expect.stringContaining(naming) })
  })

  test('nothing was sent, nothing is left', () => {
    expect(sent).toEqual([])
    expect(left).toEqual([])
  })
})

describe('what the platform refuses', () => {
  test('a wrong secret ends at once, after one call for a token', async () => {
    const cwd = await folder()
    const wrong = { WECOM_CORP_SECRET: 'a-wrong-secret' }
    const startedMs = performance.now()
    const lines = [
      here(['upload', 'image', '我的 照片.jpg'], cwd, wrong),
      here(['download', 'any'], cwd, wrong),
    ]
    for (const said of await runMany(lines)) {
      expect(failure(said)).toEqual({
        code: 1,
        kind: 'unavailable',
        message: expect.stringContaining('secret'),
      })
      expect(said.object).toMatchObject({ error: { errcode: 40001 } })
      expect(JSON.stringify(said)).not.toContain('a-wrong-secret')
    }
    expect(performance.now() - startedMs).toBeLessThan(8_000)
    expect(calls().map(({ method }) => method)).toEqual(['gettoken'])
  })

  test('an unknown media_id, and one that is older than its life, are gone', async () => {
    const cwd = await folder()
    const { mediaId } = await there.simulator.addMedia({ name: 'old.bin', sizeBytes: 100 })
    there.simulator.advance(73 * hours)
    const lines = ['no-such-media-id', mediaId].map(id => here(['download', id, '-o', 'x.bin'], cwd))
    for (const said of await runMany(lines)) {
      expect(failure(said)).toMatchObject({ code: 1, kind: 'gone' })
      expect(said.object).toMatchObject({ error: { errcode: 40007 } })
    }
    expect(await readdir(cwd)).toEqual(['我的 照片.jpg'])
  })

  test('HTML instead of JSON is told with its status', async () => {
    there.simulator.faults.add({ method: 'gettoken', do: 'html', status: 404, times: 'always' })
    const said = await runHere(['upload', 'image', '我的 照片.jpg'], await folder())
    expect(failure(said)).toEqual({ code: 1, kind: 'rejected', message: expect.stringContaining('404') })
  })
})

describe('an interrupt', () => {
  test('in the middle of a download leaves nothing, even that of a closed terminal', async () => {
    const cwd = await folder()
    const { mediaId } = await there.simulator.addMedia({ name: 'big.bin', sizeBytes: 30_000_000 })
    there.simulator.faults.add({ method: 'media/get', nth: 2, do: 'hold', at: 'answer' })
    const { args, ...rest } = here(['download', mediaId], cwd)
    const cli = start(args, rest)
    await there.simulator.waitFor({ method: 'media/get', state: 'held' })
    expect(await readdir(join(cwd, 'downloads'))).not.toEqual([])
    cli.signal('SIGHUP')
    const startedMs = performance.now()
    const said = await ended(cli)
    expect(failure(said)).toMatchObject({ code: 130, kind: 'cancelled' })
    expect(said.lines).toHaveLength(1)
    // Less than the grace: the job was cancelled, not waited for.
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect(await readdir(join(cwd, 'downloads'))).toEqual([])
    expect(await litter()).toEqual([])
  })

  test('a second one ends at once', async () => {
    const cwd = await folder()
    there.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const { args, ...rest } = here(['upload', 'image', '我的 照片.jpg'], cwd)
    const cli = start(args, rest)
    await there.simulator.waitFor({ method: 'media/upload', state: 'held' })
    cli.signal('SIGINT')
    cli.signal('SIGTERM')
    expect((await cli.ended).code).toBe(130)
  })
})
