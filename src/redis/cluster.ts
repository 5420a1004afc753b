/** A Redis Cluster as we use it: one slot, moved now and then; a worker's commands wait for it as they wait for a single Redis. */

import { Cluster, type ClusterOptions } from 'ioredis'
import { systemClock } from '../clock.ts'
import type { Address } from './address.ts'

/** After MOVED, a lost node or CLUSTERDOWN, ms. */
const againMs = 100

/** Of a producer's command: with the time between them less than its patience of 2 s. */
const producerTries = 12

type Handlers = { readonly connectionClosed: () => void }

/** When ioredis links itself to a cluster anew, it gives up what was under way; to a single Redis it sends that again, and so do we. */
class PatientCluster extends Cluster {
  override handleError(error: Error, ttl: { value?: number }, handlers: Handlers): void {
    if (error.message !== 'Connection is closed.' || this.status === 'ready') {
      super.handleError(error, ttl, handlers)
      return
    }
    void systemClock.sleep(againMs).then(handlers.connectionClosed)
  }
}

type NodeOptions = NonNullable<ClusterOptions['redisOptions']> & { replyMapping: 'legacy' }

export interface ClusterWish {
  /** Whether commands wait as long as the cluster is away. */
  readonly patient: boolean
  readonly retryStrategy: (times: number) => number
  readonly redisOptions: NodeOptions
}

export function openCluster({ nodes, login }: Address, wish: ClusterWish): Cluster {
  const { patient, retryStrategy, redisOptions } = wish
  const options = {
    clusterRetryStrategy: retryStrategy,
    maxRedirections: patient ? Number.POSITIVE_INFINITY : producerTries,
    retryDelayOnFailover: againMs,
    retryDelayOnClusterDown: againMs,
    retryDelayOnTryAgain: againMs,
    // Names stay names: a certificate is for a name, and a name may lead elsewhere tomorrow.
    dnsLookup: ((host, done) => done(null, host)) satisfies ClusterOptions['dnsLookup'],
    redisOptions: { ...login, ...redisOptions },
  }
  return new (patient ? PatientCluster : Cluster)([...nodes], options)
}
