import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { startServer } from '../src/embedded-redis/server.ts'
import { findRedis } from '../src/embedded-redis.ts'
import { atEnd } from './support/at-end.ts'
import { startNode } from './support/processes.ts'
import { ownRedis, startRedis } from './support/redis.ts'
import { tempDir } from './support/temp.ts'
import { until } from './support/until.ts'

const script = join(import.meta.dirname, 'fixtures/with-redis.ts')
const say = (): void => {}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const client = (url: string): Redis => {
  const redis = new Redis(url)
  redis.on('error', () => {})
  atEnd(() => redis.disconnect())
  return redis
}

const find = async (dir?: string) => {
  const found = await findRedis({ say, dir })
  atEnd(found.stop)
  return found
}

test('a given Redis is taken as it is, and nothing is started', async () => {
  const found = await findRedis({ url: 'redis://:secret@redis.invalid:1', say })
  expect(found.url).toBe('redis://:secret@redis.invalid:1')
  expect(found.how).not.toContain('secret')
  await found.stop()
})

describe.runIf(ownRedis)('a Redis of our own', () => {
  test('listens on loopback only, evicts nothing, and is gone with its folder after stop', async () => {
    const found = await find()
    const redis = client(found.url)
    const setting = async (name: string) => ((await redis.config('GET', name)) as string[])[1] ?? ''
    expect(await setting('bind')).toBe('127.0.0.1')
    expect(await setting('maxmemory-policy')).toBe('noeviction')
    const dir = await setting('dir')
    expect(existsSync(dir)).toBe(true)
    redis.disconnect()
    await found.stop()
    expect(existsSync(dir)).toBe(false)
    const gone = new Redis(found.url, { lazyConnect: true, retryStrategy: null })
    gone.on('error', () => {})
    await expect(gone.connect()).rejects.toThrow()
  })

  test('keeps its data in a given folder', async () => {
    const dir = await tempDir()
    const first = await find(dir)
    await client(first.url).set('kept', 'yes')
    await first.stop()
    const second = await find(dir)
    expect(await client(second.url).get('kept')).toBe('yes')
    expect(await readdir(dir)).not.toEqual([])
  })

  test('many starts at once do not disturb each other', async () => {
    const found = await Promise.all(Array.from({ length: 6 }, () => find()))
    expect(new Set(found.map(({ url }) => url)).size).toBe(6)
    for (const { url } of found) expect(await client(url).ping()).toBe('PONG')
  })

  test('a server that finds its port taken by another Redis says so, instead of using that one', async () => {
    const other = await startRedis()
    const options = { command: ownRedis?.command ?? '', folder: await tempDir(), port: other.port }
    await expect(startServer(options)).rejects.toThrow(`did not start on port ${other.port}`)
    expect(await client(other.url).ping()).toBe('PONG')
  })

  test('a server that is stopped by SIGSTOP ends all the same', async () => {
    const own = await startRedis()
    process.kill(own.pid(), 'SIGSTOP')
    await own.stop()
    expect(alive(own.pid())).toBe(false)
  })

  test('ends, and its folder goes, when its parent is killed', async () => {
    const parent = startNode(script)
    const { pid, dir } = await parent.line<{ pid: number; dir: string }>()
    expect(alive(pid)).toBe(true)
    parent.signal('SIGKILL')
    await until('the server ends', () => !alive(pid))
    await until('its folder goes', () => !existsSync(dir))
  })

  test('is still there while its parent shuts down after Ctrl-C', async () => {
    const parent = spawn(process.execPath, [script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    atEnd(() => parent.kill('SIGKILL'))
    let said = ''
    parent.stdout.setEncoding('utf8').on('data', chunk => {
      said += chunk
    })
    await until('it is ready', () => said.includes('\n'))
    const { pid } = JSON.parse(said)
    process.kill(-(parent.pid ?? 0), 'SIGINT') // What a terminal does: the whole group gets it.
    await until('the parent says what Redis said', () => said.includes('{"said":"PONG"}'))
    await until('the server ends', () => !alive(pid))
  })
})

test('where nothing is to be had, the message is three lines to paste', async () => {
  // "nobody": not root, and no testcontainers either, as in a production install.
  const bare = startNode(script, { args: ['nobody'], env: { PATH: await tempDir() } })
  const { kind, message } = await bare.line<{ kind: string; message: string }>()
  expect(kind).toBe('config')
  const lines = message.split('\n').slice(1)
  expect(lines.map(line => /apt-get|brew|docker/.exec(line)?.[0])).toEqual(['apt-get', 'brew', 'docker'])
  expect((await bare.ended).code).toBe(1)
})
