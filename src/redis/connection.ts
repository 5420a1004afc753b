/** What everyone speaks to: one Redis, or a cluster of them. All our keys have one hash tag, so a script or a transaction never crosses slots. */

import type { Cluster, Redis } from 'ioredis'

export type Connection = Redis | Cluster

export type Server = Redis

/** Every primary: what is asked of a server (INFO, CONFIG, SCAN) is asked of each. */
export const primariesOf = (redis: Connection): Server[] =>
  'nodes' in redis ? redis.nodes('master') : [redis]
