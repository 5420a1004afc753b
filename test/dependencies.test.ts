/** What a production install brings along: how much, from where, and why each direct dependency is worth it. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const home = join(import.meta.dirname, '..')
const json = async (name: string) => JSON.parse(await readFile(join(home, name), 'utf8'))

interface Locked {
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
  readonly peer?: boolean
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
}

const locked = Object.entries<Locked>((await json('package-lock.json')).packages).filter(
  ([path]) => path !== '',
)

/** What `npm ci` of the Dockerfile installs: neither dev, nor optional, nor what is only somebody's peer. */
const production = locked.filter(
  ([, { dev, devOptional, optional, peer }]) => !(dev || devOptional || optional || peer),
)

/** Why we do not do it ourselves. */
const reasons: Readonly<Record<string, string>> = {
  '@bull-board/api': 'the dashboard that operators of BullMQ know',
  '@bull-board/fastify': 'mounts it on our admin listener',
  '@bull-board/ui': 'its pages, from our own host',
  '@fastify/multipart': 'bodies of strangers: a parser that many have attacked',
  '@fastify/rate-limit': 'counts per token, bounded in memory',
  bullmq: 'the queue: locks, delays, stalled jobs, in Lua that many run',
  'cli-table3': 'tables that hold Chinese without going askew',
  commander: 'argv, and its mistakes',
  fastify: 'HTTP for strangers: limits, schemas, routes',
  ioredis: 'the connection BullMQ asks for; cluster, TLS, reconnects',
  'p-retry': 'the one repeater in process',
  parse5: 'HTML as browsers read it, with the place of each attribute',
  pino: 'JSON lines that cost little',
  'pino-pretty': 'the same for people at a terminal',
  'prom-client': 'metrics in the format Prometheus reads',
  ulid: 'ids that sort by time',
  undici: 'HTTP with a connector of our own, which the address guard needs',
  zod: 'one schema for types, payloads and JSON Schema',
}

test('every direct dependency has a reason', async () => {
  const { dependencies } = await json('package.json')
  expect(Object.keys(reasons).toSorted()).toEqual(Object.keys(dependencies).toSorted())
})

test('a production install has at most 130 packages', () => {
  expect(production.length).toBeGreaterThan(50)
  expect(production.length).toBeLessThanOrEqual(130)
})

test('versions are exact', async () => {
  const { dependencies, devDependencies } = await json('package.json')
  const versions = Object.entries<string>({ ...dependencies, ...devDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
})

test('every package of the lock file is proved by SHA-512, and none comes from elsewhere than a registry', () => {
  const odd = locked.filter(
    ([, { integrity = '', resolved = 'https:', link }]) =>
      link || !integrity.startsWith('sha512-') || !resolved.startsWith('https:'),
  )
  expect(odd.map(([path]) => path)).toEqual([])
})
