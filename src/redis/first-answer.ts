/** Waiting for Redis at the start, and one clear line when it does not come: nobody there, a wrong password, a certificate that can't be trusted, no cluster. */

import { Redis } from 'ioredis'
import { systemClock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { codeOf } from '../refusal.ts'
import { type Address, placeOf } from './address.ts'
import type { Connection } from './connection.ts'
import { listenForTrouble } from './trouble.ts'

const passwordCodes = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM'])

/** Of OpenSSL and Node: waiting does not mend a certificate. */
const isTlsCode = (code: string): boolean =>
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)

/** Said by a server of its own, in words: it has no code. */
const isNoCluster = (error: Error): boolean => /cluster support disabled/.test(error.message)

/**
 * Resolves when Redis answers; waits until then, so that Redis may start later than we do.
 * Faults: `config` after `timeoutMs`, or at once when waiting can't help: password, certificate, cluster or none.
 */
export async function firstAnswer(
  redis: Connection,
  { address, timeoutMs, signal }: { address: Address; timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  let last: Error | undefined
  const over = new AbortController()
  const listen = (error: Error): void => {
    last = error
    if (isFinal(error)) over.abort()
  }
  const silence = listenForTrouble(redis, listen)
  const look = address.as === 'cluster' ? lookAtNode(address, listen) : undefined
  const waits = AbortSignal.any(signal ? [over.signal, signal] : [over.signal])
  const late = systemClock.sleep(timeoutMs, waits).catch(() => {})
  try {
    const answered = await Promise.race([readyAndAnswering(redis, address).catch(listen), late])
    signal?.throwIfAborted()
    if (answered !== true) throw new Fault('config', unreachable(address, last), { cause: last })
  } finally {
    silence()
    look?.disconnect()
    over.abort()
  }
}

const isFinal = (error: Error): boolean => {
  const code = codeOf(error)
  return passwordCodes.has(code) || isTlsCode(code) || isNoCluster(error) || error instanceof Fault
}

/** A cluster's connection does not tell why a node is of no use; a plain one to the first of them does. */
function lookAtNode({ nodes: [node], login }: Address, listen: (error: Error) => void): Redis {
  const redis = new Redis({ ...node, ...login, maxRetriesPerRequest: null, replyMapping: 'legacy' })
  redis.on('error', listen)
  redis.cluster('INFO').catch(listen)
  return redis
}

/** Asks only when the link is ready: a producer's command would not wait for that. */
async function readyAndAnswering(redis: Connection, address: Address): Promise<true> {
  if (redis.status !== 'ready') await new Promise<void>(resolve => redis.once('ready', () => resolve()))
  await redis.ping()
  if (address.as === 'server' && (await isClusterNode(redis as Redis)))
    throw new Fault(
      'config',
      `Redis at ${placeOf(address)} is a node of a cluster: add ?cluster to REDIS_URL`,
    )
  return true
}

/** An ACL may hide it; then the first job tells. */
const isClusterNode = async (redis: Redis): Promise<boolean> =>
  /^cluster_enabled:1/m.test(await redis.info('cluster').catch(() => ''))

function unreachable(address: Address, error: Error | undefined): string {
  const place = placeOf(address)
  if (error instanceof Fault) return error.message
  if (error && isNoCluster(error)) return `Redis at ${place} is no cluster: take ?cluster out of REDIS_URL`
  const code = error && codeOf(error)
  if (code && passwordCodes.has(code))
    return `Redis at ${place} refuses us (${code}): correct user and password in REDIS_URL`
  if (code && isTlsCode(code)) return `Redis at ${place} can't be trusted (${code}): ${tlsAdvice(code)}`
  const why = code ? ` (${code})` : ''
  const how = address.login.tls ? ' with TLS' : ''
  return `Redis at ${place} does not answer${how}${why}: start it there, or correct REDIS_URL`
}

function tlsAdvice(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'its certificate is for another name; correct the host in REDIS_URL, or add ?servername=NAME'
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired; renew it'
  if (code.startsWith('ERR_SSL_'))
    return 'it speaks no TLS there, or wants a certificate of ours; correct the port, write redis://, or add ?cert=FILE&key=FILE'
  return 'name the CA of its certificate in REDIS_URL, with ?ca=FILE'
}
