/**
 * Where Redis is and how to speak to it, all in one URL:
 * redis[s]://[user[:password]@]host[:port][,host[:port]…][/db][?cluster | ?sentinel=NAME][&ca=FILE][&cert=FILE&key=FILE][&servername=NAME]
 */

import { readFileSync } from 'node:fs'
import type { RedisOptions } from 'ioredis'
import { Fault } from '../fault.ts'
import { keepSecret } from '../log.ts'

export interface Node {
  readonly host: string
  readonly port: number
}

export interface Address {
  /** One server, or some nodes of a cluster, or sentinels. */
  readonly nodes: readonly [Node, ...Node[]]
  readonly as: 'server' | 'cluster' | 'sentinel'
  /** What the sentinels call the primary. */
  readonly primary?: string
  /** Database, user, password, TLS: the same for every node. */
  readonly login: Pick<RedisOptions, 'db' | 'username' | 'password' | 'tls'>
}

const form =
  /^(?<scheme>rediss?):\/\/(?:(?<user>[^:@/?#]*)(?::(?<password>[^/?#]*))?@)?(?<hosts>[^/?#@]+)(?:\/(?<db>\d*))?(?:\?(?<query>[^#]*))?$/

const refuse = (what: string): never => {
  throw new Fault('config', `REDIS_URL ${what}`)
}

/** Reads the files that the URL names. Faults: `config`, which never shows the URL: it may hold a password. */
export function readAddress(url: string): Address {
  const parts =
    form.exec(url)?.groups ?? refuse('is no Redis URL: write redis://host:6379, or rediss:// for TLS')
  const { scheme, user, password, hosts = '', db, query = '' } = parts
  const nodes = hosts.split(',').map(nodeFrom) as [Node, ...Node[]]
  const asked = askedIn(query)
  const as = asked.has('cluster') ? 'cluster' : asked.has('sentinel') ? 'sentinel' : 'server'
  if (as === 'server' && nodes.length > 1)
    refuse('names several hosts: add ?cluster for a Redis Cluster, or ?sentinel=NAME for sentinels')
  if (as === 'cluster' && Number(db || 0) !== 0) refuse('asks for a database: a cluster has only 0')
  const secret = plain(password)
  if (secret) keepSecret(secret)
  return {
    nodes,
    as,
    ...(as === 'sentinel' && { primary: asked.get('sentinel') ?? '' }),
    login: {
      ...(as === 'cluster' ? {} : { db: Number(db || 0) }),
      ...(user ? { username: plain(user) } : {}),
      ...(secret ? { password: secret } : {}),
      ...tlsFrom(scheme === 'rediss', asked),
    },
  }
}

/** The same, of which nothing is read: for a message. */
export const placeOf = ({ nodes: [first, ...more], as }: Address): string => {
  const hosts = [first, ...more].map(({ host, port }) => `${host}:${port}`).join(', ')
  return as === 'server' ? hosts : `${hosts} (${as})`
}

const nodeFrom = (text: string): Node => {
  const { hostname, port } = URL.parse(`redis://${text}`) ?? { hostname: '', port: '' }
  if (!hostname) refuse('is no Redis URL: write redis://host:6379, or rediss:// for TLS')
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 6379) }
}

function plain(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '')
  } catch {
    return refuse('has a user or password with a bare %: write it as %25')
  }
}

const known = ['cluster', 'sentinel', 'ca', 'cert', 'key', 'servername']

function askedIn(query: string): URLSearchParams {
  const asked = new URLSearchParams(query)
  const strange = [...asked.keys()].find(name => !known.includes(name))
  if (strange !== undefined) refuse(`asks for "${strange}": it knows ${known.join(', ')}`)
  if (asked.has('cluster') && asked.has('sentinel'))
    refuse('asks for cluster and sentinel: it is one of them')
  if (asked.get('sentinel') === '') refuse('lacks what the sentinels call the primary: write ?sentinel=NAME')
  return asked
}

function tlsFrom(isTls: boolean, asked: URLSearchParams): Pick<RedisOptions, 'tls'> {
  const files = (['ca', 'cert', 'key'] as const).filter(name => asked.has(name))
  if (!isTls) {
    if (files.length > 0 || asked.has('servername'))
      refuse('names files or a server for TLS: begin it with rediss://')
    return {}
  }
  if (asked.has('cert') !== asked.has('key')) refuse('needs cert and key together: one of them is missing')
  const read = files.map(name => [name, contentOf(name, asked.get(name) ?? '')])
  const servername = asked.get('servername')
  return { tls: { ...Object.fromEntries(read), ...(servername && { servername }) } }
}

function contentOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new Fault('config', `REDIS_URL: the file ${path} (${name}) can't be read (${code})`, { cause })
  }
}
