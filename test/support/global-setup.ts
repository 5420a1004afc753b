/** Gives every test file one Redis, named `redisUrl`; a test that hurts its Redis starts its own (`startRedis`). */

import type { TestProject } from 'vitest/node'
import { findRedis } from '../../src/embedded-redis.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string
  }
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const redis = await findRedis({ url: process.env['REDIS_URL'], say })
  say(`Redis of the ${project.name} tests: ${redis.how}.`)
  project.provide('redisUrl', redis.url)
  return () => redis.stop()
}
