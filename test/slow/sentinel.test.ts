/** A real sentinel that watches a primary and a replica. */

import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { connectProducer, connectWorker, firstAnswer } from '../../src/redis.ts'
import { atEnd } from '../support/at-end.ts'
import { freePort } from '../support/free-port.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'

async function startSentinel(primary: number): Promise<number> {
  const port = await freePort()
  const file = join(await tempDir(), 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor media 127.0.0.1 ${primary} 1`,
    'sentinel down-after-milliseconds media 500',
    'sentinel failover-timeout media 3000',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn(ownRedis?.command ?? '', [file, '--sentinel'], { stdio: 'ignore' })
  const ended = new Promise(resolve => child.once('exit', resolve))
  atEnd(() => {
    child.kill('SIGKILL')
    return ended
  })
  return port
}

test.runIf(ownRedis)(
  'behind sentinels a command waits for the new primary',
  async () => {
    const [primary, replica] = [await startRedis(), await startRedis()]
    const follower = new Redis(replica.url)
    atEnd(() => follower.disconnect())
    await follower.replicaof('127.0.0.1', primary.port)
    const port = await startSentinel(primary.port)
    const sentinel = new Redis({ port, maxRetriesPerRequest: null })
    sentinel.on('error', () => {})
    atEnd(() => sentinel.disconnect())
    const replicas = async () => String(await sentinel.call('SENTINEL', 'REPLICAS', 'media').catch(() => ''))
    await until(
      'the sentinel knows the replica',
      async () => (await replicas()).includes(`${replica.port}`),
      {
        withinMs: 15_000,
      },
    )
    const redis = connectWorker(`redis://127.0.0.1:${port}?sentinel=media`)
    atEnd(() => redis.disconnect())
    await firstAnswer(redis, 5_000)
    await redis.set('a', 'before')
    await primary.kill()
    expect(await redis.set('a', 'after')).toBe('OK')
    expect(await follower.get('a')).toBe('after')
  },
  40_000,
)

test('sentinels that are not there are told by their places', async () => {
  const redis = connectProducer('redis://127.0.0.1:1,127.0.0.1:2?sentinel=media')
  atEnd(() => redis.disconnect())
  const fault = await firstAnswer(redis, 300).catch(error => error)
  expect(fault).toMatchObject({
    kind: 'config',
    message: expect.stringContaining('127.0.0.1:1, 127.0.0.1:2 (sentinel)'),
  })
})
