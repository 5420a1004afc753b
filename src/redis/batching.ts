/**
 * A connection whose commands of one turn of the event loop leave in one write: with many jobs under way the system
 * calls would cost more than the commands. Nothing but the moment of writing differs: order, answers, offline queue and
 * sending again are ioredis' own. (Its auto-pipelining groups commands into pipelines instead, which fail otherwise.)
 */

import type { Redis } from 'ioredis'
import { atEndOfTurn } from '../clock.ts'
import { HeardRedis } from './heard.ts'

export class BatchingRedis extends HeardRedis {
  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    hold(this.stream)
    return super.sendCommand(...args)
  }
}

/** Until what came in with this turn is dealt with. A stream that ends meanwhile writes all it has by itself. */
function hold(stream: Redis['stream'] | undefined): void {
  if (!stream || stream.writableCorked > 0) return
  stream.cork()
  atEndOfTurn(() => stream.uncork())
}
