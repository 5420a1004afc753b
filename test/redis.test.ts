import fc from 'fast-check'
import type { Redis } from 'ioredis'
import { describe, expect, inject, test } from 'vitest'
import {
  type Connection,
  connectProducer,
  connectSubscriber,
  connectWorker,
  firstAnswer,
  isRefusal,
  retryDelayMs,
} from '../src/redis.ts'
import { atEnd } from './support/at-end.ts'
import { startProxy } from './support/proxy.ts'
import { ownRedis, startRedis, testRedis } from './support/redis.ts'
import { until } from './support/until.ts'

const open = <C extends Connection>(redis: C): C => {
  atEnd(() => redis.disconnect())
  return redis
}

/** Unlike `once` of node:events it does not mind errors. */
const hear = (redis: Connection, event: string): Promise<void> =>
  new Promise(resolve => redis.once(event, () => resolve()))

/** A proxy to the shared Redis, and a key nobody else has. */
const behindProxy = async () => {
  const { redis, url, prefix } = testRedis()
  return { proxy: await startProxy(url), direct: redis, key: `wm:${prefix}` }
}

test('the wait between two tries to connect grows and stays within 3 s', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), times => {
      expect(retryDelayMs(times)).toBeLessThanOrEqual(retryDelayMs(times + 1))
      expect(retryDelayMs(times)).toBeLessThanOrEqual(3_000)
    }),
  )
  expect(retryDelayMs(1)).toBe(50)
})

test('commands of one turn leave in one write, in order, and are all answered', async () => {
  const { redis: direct, url, prefix } = testRedis()
  const redis = open(connectWorker(url)) as Redis
  await redis.ping()
  const key = `wm:${prefix}:turn`
  const before = redis.stream.bytesWritten
  const answers = Array.from({ length: 5 }, (_, n) => redis.rpush(key, n))
  const both = redis.multi().rpush(key, 'a').rpush(key, 'b').exec()
  expect(redis.stream.writableCorked).toBe(1)
  expect(redis.stream.bytesWritten - redis.stream.writableLength).toBe(before)
  expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5])
  await both
  expect(await direct.lrange(key, 0, -1)).toEqual(['0', '1', '2', '3', '4', 'a', 'b'])
})

test('commands that were held back when the link broke are sent again', async () => {
  const { proxy, direct, key } = await behindProxy()
  const redis = open(connectWorker(proxy.url)) as Redis
  await redis.ping()
  const answer = redis.set(key, 'value')
  redis.stream.destroy()
  expect(await answer).toBe('OK')
  expect(await direct.get(key)).toBe('value')
})

describe('the first answer', () => {
  test('comes from a Redis that is there', async () => {
    await firstAnswer(open(connectWorker(inject('redisUrl'))), 5_000)
  })

  test.each([
    connectWorker,
    connectProducer,
  ])('of a Redis that is not there is a config fault with its place', async connect => {
    const proxy = await startProxy('redis://:s3cret@127.0.0.1:1')
    await proxy.close()
    const heard: string[] = []
    const redis = open(connect(proxy.url, { onError: error => heard.push(error.message) }))
    const fault = await firstAnswer(redis, 300).catch(error => error)
    expect(fault).toMatchObject({ kind: 'config' })
    expect(fault.message).toContain(`127.0.0.1:${proxy.port} does not answer (ECONNREFUSED)`)
    expect(fault.message).not.toContain('s3cret')
    expect(heard).toHaveLength(1) // Of half a dozen.
  })

  test.each([connectWorker, connectProducer])('waits for a Redis that comes later', async connect => {
    const { proxy } = await behindProxy()
    await proxy.refuse()
    const redis = open(connect(proxy.url))
    const waiting = firstAnswer(redis, 10_000)
    for (let tries = 0; tries < 3; tries++) await hear(redis, 'reconnecting')
    await proxy.accept()
    await waiting
  })

  test('ends with the reason of its signal', async () => {
    const { proxy } = await behindProxy()
    await proxy.refuse()
    const stop = new AbortController()
    const waiting = firstAnswer(open(connectWorker(proxy.url)), 60_000, stop.signal)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  test.runIf(ownRedis)('of a Redis that wants another password is a fault at once', async () => {
    const own = await startRedis()
    await open(connectWorker(own.url)).config('SET', 'requirepass', 'right')
    for (const [url, code] of [
      [own.url, 'NOAUTH'],
      [own.url.replace('//', '//:wr0ng@'), 'WRONGPASS'],
    ] as const) {
      const fault = await firstAnswer(open(connectWorker(url)), 60_000).catch(error => error)
      expect(fault).toMatchObject({ kind: 'config' })
      expect(fault.message).toContain(code)
      expect(fault.message).not.toContain('wr0ng')
    }
    await firstAnswer(open(connectWorker(own.url.replace('//', '//:right@'))), 5_000)
  })
})

test('a stream that fails twice ends its connection, and not the process', async () => {
  const { proxy, key } = await behindProxy()
  const worker = open(connectWorker(proxy.url)) as Redis
  for (const redis of [worker, open(worker.duplicate())]) {
    redis.on('error', () => undefined)
    await redis.ping()
    const { stream } = redis
    for (const nth of ['first', 'second']) stream.emit('error', new Error(`the ${nth} error`))
    expect(await redis.set(key, 'on')).toBe('OK')
  }
})

describe("a worker's connection", () => {
  test('notices a frozen link, and its command is answered on a new one', async () => {
    const { proxy, direct, key } = await behindProxy()
    const redis = open(connectWorker(proxy.url, { socketTimeoutMs: 200 }))
    await firstAnswer(redis, 5_000)
    proxy.freeze()
    const lost = redis.set(key, 'arrived')
    await until('the command is swallowed', () => proxy.lost() === 1)
    proxy.thaw() // The link is healthy for new connections only, as after a NAT forgot it.
    expect(await lost).toBe('OK')
    expect(await direct.get(key)).toBe('arrived')
  })

  test('keeps a command through an outage', async () => {
    const { proxy, key } = await behindProxy()
    const redis = open(connectWorker(proxy.url))
    await firstAnswer(redis, 5_000)
    await proxy.refuse()
    proxy.reset()
    await hear(redis, 'reconnecting')
    const kept = redis.set(key, 'later')
    await proxy.accept()
    expect(await kept).toBe('OK')
  })

  test.runIf(ownRedis)(
    'on a read-only Redis connects anew, once; where that does not help it hears the refusal',
    async () => {
      const own = await startRedis()
      const redis = open(connectWorker(own.url))
      await firstAnswer(redis, 5_000)
      let connects = 0
      redis.on('connect', () => connects++)
      await redis.replicaof('127.0.0.1', 1)
      const error = await redis.set('a', 'b').catch(cause => cause)
      expect(error.message).toContain('READONLY')
      expect(isRefusal(error)).toBe(true)
      expect(connects).toBe(1)
    },
  )

  test.runIf(ownRedis)('sends a command again that met a primary which is read-only no more', async () => {
    const own = await startRedis()
    const redis = open(connectWorker(own.url))
    const other = open(connectWorker(own.url))
    await firstAnswer(redis, 5_000)
    await other.replicaof('127.0.0.1', 1)
    redis.once('close', () => void other.replicaof('NO', 'ONE'))
    expect(await redis.set('a', 'b')).toBe('OK')
  })
})

describe("a producer's connection", () => {
  test('holds a command until Redis was there for the first time', async () => {
    const { url, prefix } = testRedis()
    expect(await open(connectProducer(url)).set(`wm:${prefix}`, 1)).toBe('OK')
  })

  test('rejects at once when Redis went away, and never sends that command', async () => {
    const { proxy, direct, key } = await behindProxy()
    const redis = open(connectProducer(proxy.url))
    await firstAnswer(redis, 5_000)
    proxy.reset()
    await hear(redis, 'close')
    await expect(redis.set(key, 'too late')).rejects.toThrow()
    await hear(redis, 'ready')
    await redis.ping()
    expect(await direct.exists(key)).toBe(0)
  })

  test('rejects within 3 s when Redis is silent', async () => {
    const { proxy, key } = await behindProxy()
    const redis = open(connectProducer(proxy.url))
    await firstAnswer(redis, 5_000)
    proxy.freeze()
    const startMs = performance.now()
    await expect(redis.set(key, 1)).rejects.toThrow()
    expect(performance.now() - startMs).toBeLessThan(3_000)
  })
})

test("a subscriber's connection notices a frozen link, and hears again what is published after it", async () => {
  const { proxy, direct, key } = await behindProxy()
  const redis = open(connectSubscriber(proxy.url, { socketTimeoutMs: 200 }))
  const heard: string[] = []
  redis.on('message', (_, message) => heard.push(message))
  await redis.subscribe(key)
  proxy.freeze()
  await hear(redis, 'close') // Nobody sent it anything: it asked by itself.
  proxy.thaw()
  await until('it hears', async () => {
    await direct.publish(key, 'hello')
    return heard.includes('hello')
  })
})

describe('a refusal', () => {
  test.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
    "READONLY You can't write against a read only replica.",
    'LOADING Redis is loading the dataset in memory',
    'NOAUTH Authentication required.',
    "NOPERM User app has no permissions to run the 'set' command",
    'NOREPLICAS Not enough good replicas to write.',
    "ERR Error running script (call to f_ab): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.",
  ])('is %s', message => {
    expect(isRefusal(new Error(message))).toBe(true)
  })

  test.each([
    "ERR unknown command 'OOM'",
    'WRONGTYPE Operation against a key',
    'connect ECONNREFUSED 127.0.0.1:1',
    'BUSYGROUP x',
  ])('is not %s', message => {
    expect(isRefusal(new Error(message))).toBe(false)
  })

  test.runIf(ownRedis)('is what a real Redis says in a script and in a transaction', async () => {
    const own = await startRedis()
    const redis = open(connectWorker(own.url))
    await redis.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '+@all', '-set', '~*')
    const reader = open(connectWorker(own.url.replace('//', '//reader:pw@')))
    expect(isRefusal(await reader.set('a', 'b').catch(error => error))).toBe(true)
    await redis.config('SET', 'maxmemory', '1')
    const script = redis.eval("return redis.call('SET', KEYS[1], 'b')", 1, 'a')
    expect(isRefusal(await script.catch(error => error))).toBe(true)
    const transaction = redis.multi().set('a', 'b').exec()
    expect(isRefusal(await transaction.catch(error => error))).toBe(true)
  })
})
