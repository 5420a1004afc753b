/**
 * Finds a Redis for the demo, the tests and commands that run `--here`: the given one, else one of our own
 * that ends with us. Production never comes here: there a missing Redis is a mistake to be told, not mended.
 */

import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canInstall, install } from './embedded-redis/apt.ts'
import { startContainer } from './embedded-redis/container.ts'
import { findBinary, startServer } from './embedded-redis/server.ts'
import { Fault } from './fault.ts'

export interface RedisWish {
  /** The Redis to use; nothing is started then. */
  readonly url?: string | undefined
  /** Where a server of our own keeps its data (with AOF). Default: a temporary folder that goes with it. */
  readonly dir?: string | undefined
  /** Whether apt may install redis-server, as root on Debian or Ubuntu. Default true. */
  readonly allowInstall?: boolean
  /** Takes lines for people: what is started or installed. */
  readonly say: (line: string) => void
}

export interface FoundRedis {
  readonly url: string
  /** For people, in a few words; never a password. */
  readonly how: string
  /** Ends what was started here; does nothing to a given Redis. */
  stop(): Promise<void>
}

/** Finds or starts a Redis. Faults: `config` when there is none and none can be had; its message has lines to paste. */
export const findRedis = async (wish: RedisWish): Promise<FoundRedis> => {
  if (wish.url !== undefined) return { url: wish.url, how: 'the given Redis', stop: async () => {} }
  const found = (await ownServer(wish.dir)) ?? (await container(wish)) ?? (await installed(wish))
  if (found === undefined) throw new Fault('config', howToGetRedis)
  return found
}

const howToGetRedis = [
  'There is no Redis here. Any one of these lines is enough; then run the command again:',
  '  sudo apt-get update && sudo apt-get install -y redis-server',
  '  brew install valkey',
  '  docker run -d -p 127.0.0.1:6379:6379 valkey/valkey:8-alpine && export REDIS_URL=redis://127.0.0.1:6379',
].join('\n')

const ownServer = async (dir: string | undefined): Promise<FoundRedis | undefined> => {
  const binary = await findBinary()
  if (binary === undefined) return undefined
  const folder = dir ?? join(tmpdir(), `wecom-media-redis-${randomBytes(8).toString('hex')}`)
  const keep = dir !== undefined
  // Data that outlives the server must survive its crash as well; data that does not needs no disk.
  const server = await startServer({ command: binary.command, folder, keepFolder: keep, appendOnly: keep })
  const how = `${binary.command} ${binary.version}, started here on 127.0.0.1:${server.port}`
  return { url: server.url, how, stop: server.stop }
}

const container = async ({ say }: RedisWish): Promise<FoundRedis | undefined> => {
  const started = await startContainer(say)
  return started && { url: started.url, how: `a container of ${started.image}`, stop: started.stop }
}

const installed = async ({ allowInstall = true, dir, say }: RedisWish): Promise<FoundRedis | undefined> => {
  if (!allowInstall || !(await canInstall())) return undefined
  say('No Redis on PATH and no Docker engine: installing redis-server with apt (its service stays off).')
  return (await install()) ? ownServer(dir) : undefined
}
