/** The names under which records live in Redis. Job ids come last and are made of safe characters only. */

import { createHash } from 'node:crypto'

export const recordKey = (namespace: string, id: string): string => `${namespace}:record:${id}`

/** ZSET of the records that have no end yet; score: when the reconciler looks at it next, ms of Redis time. */
export const openKey = (namespace: string): string => `${namespace}:open`

/** ZSET of ended records whose end somebody has to be told; score: when any worker looks at it, ms of Redis time. */
export const owedKey = (namespace: string): string => `${namespace}:owed`

/** Pub/sub channel; each message is `<id> <state>` of a record that has just ended. */
export const endedChannel = (namespace: string): string => `${namespace}:ended`

/** BullMQ's lock on a running job; its value is the token of the worker that holds it (bullmq 6.7, QueueKeys). */
export const lockKey = (namespace: string, queue: string, id: string): string =>
  `${namespace}:${queue}:${id}:lock`

/** What the platform calls a job -> its id. The name is hashed: it comes from outside. */
export const aliasKey = (namespace: string, alias: string): string => `${namespace}:alias:${hashed(alias)}`

/** Something was heard of this name before a job had it. */
export const earlyKey = (namespace: string, alias: string): string => `${namespace}:early:${hashed(alias)}`

const hashed = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)
