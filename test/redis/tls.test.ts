/** TLS to a real server, with certificates of a real authority. */

import { beforeAll, describe, expect, test } from 'vitest'
import { connectProducer, firstAnswer } from '../../src/redis.ts'
import { atEnd } from '../support/at-end.ts'
import { type Authority, type Certificate, makeAuthority, openssl } from '../support/certificates.ts'
import { deploy } from '../support/deployment.ts'
import { freePort } from '../support/free-port.ts'
import { ownRedis, startRedis } from '../support/redis.ts'

let authority: Authority
let server: Certificate
const startTls = async (clients: 'no' | 'yes') => {
  const port = await freePort()
  const files = [
    '--tls-ca-cert-file',
    authority.ca,
    '--tls-cert-file',
    server.cert,
    '--tls-key-file',
    server.key,
  ]
  await startRedis({ args: ['--tls-port', String(port), ...files, '--tls-auth-clients', clients] })
  return `rediss://localhost:${port}`
}

/** In time: what waiting can't mend is told at once, although there is patience for 20 s. */
const refusal = async (url: string): Promise<string> => {
  const redis = connectProducer(url)
  atEnd(() => redis.disconnect())
  const started = performance.now()
  const error = await firstAnswer(redis, 20_000).catch(cause => cause)
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(error).toMatchObject({ kind: 'config' })
  expect(error.message).not.toContain('\n')
  return error.message
}

describe.runIf(ownRedis && openssl)('Redis with TLS', () => {
  beforeAll(async () => {
    authority = await makeAuthority()
    server = await authority.sign('server', 'DNS:localhost')
  })

  test('runs jobs, when its CA is named', async () => {
    const it = await deploy({ redisUrl: `${await startTls('no')}?ca=${authority.ca}` })
    await it.startHere()
    const source = { path: await it.put('a.txt', 'some bytes and more') }
    const job = await it.producer.upload({ type: 'file', source })
    expect(await it.producer.result(job, { timeoutMs: 15_000 })).toMatchObject({ name: 'a.txt' })
  })

  test('that is not trusted, or has another name, is told at once, with what to do', async () => {
    const url = await startTls('no')
    const other = await makeAuthority()
    expect(await refusal(url)).toMatch(/can't be trusted \(\w+\): name the CA .* \?ca=FILE/)
    expect(await refusal(`${url}?ca=${other.ca}`)).toMatch(/name the CA/)
    expect(await refusal(`${url}?cluster&ca=${other.ca}`)).toMatch(/name the CA/)
    const byAddress = url.replace('localhost', '127.0.0.1')
    expect(await refusal(`${byAddress}?ca=${authority.ca}`)).toMatch(/another name.*servername=NAME/)
    const named = connectProducer(`${byAddress}?ca=${authority.ca}&servername=localhost`)
    atEnd(() => named.disconnect())
    await firstAnswer(named, 5_000)
  })

  test('that asks for our certificate gets it, and says so without one', async () => {
    const url = `${await startTls('yes')}?ca=${authority.ca}`
    const us = await authority.sign('us', 'DNS:worker')
    expect(await refusal(url)).toMatch(/\?cert=FILE&key=FILE/)
    const redis = connectProducer(`${url}&cert=${us.cert}&key=${us.key}`)
    atEnd(() => redis.disconnect())
    await firstAnswer(redis, 5_000)
  })

  test('is not found where there is none', async () => {
    const plain = await startRedis()
    const redis = connectProducer(plain.url.replace('redis:', 'rediss:'))
    atEnd(() => redis.disconnect())
    await expect(firstAnswer(redis, 500)).rejects.toThrow(/does not answer with TLS/)
  })
})
