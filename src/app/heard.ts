/** When each party was last called back, for the whole fleet: silence is the one thing that no log line tells. Never fails a callback. */

import type { Clock } from '../clock.ts'
import type { Connection } from '../redis/connection.ts'

export interface Heard {
  /** A callback was accepted. Never rejects, and writes at most every 5 s. */
  note(party: string): void
  /** They are listened for from now on: silence is counted from here until the first one comes. */
  expect(parties: readonly string[]): Promise<void>
  /** When, ms; without those that nobody has listened for. */
  read(parties: readonly string[]): Promise<ReadonlyMap<string, number>>
}

const noteEveryMs = 5_000

/** HASH party -> ms of the host that was called. Alerts speak of minutes, so hosts that differ by a second do no harm. */
export function createHeard(redis: Connection, namespace: string, clock: Clock): Heard {
  const key = `${namespace}:callback:heard`
  const notedMs = new Map<string, number>()
  return {
    note(party) {
      const nowMs = clock.monotonicMs()
      if (nowMs - (notedMs.get(party) ?? Number.NEGATIVE_INFINITY) < noteEveryMs) return
      notedMs.set(party, nowMs)
      redis.hset(key, party, clock.nowMs()).catch(() => undefined)
    },
    async expect(parties) {
      await Promise.all(parties.map(party => redis.hsetnx(key, party, clock.nowMs())))
    },
    async read(parties) {
      if (parties.length === 0) return new Map()
      const found = await redis.hmget(key, ...parties)
      return new Map(
        parties.flatMap((party, n) =>
          typeof found[n] === 'string' ? [[party, Number(found[n])] as const] : [],
        ),
      )
    },
  }
}
