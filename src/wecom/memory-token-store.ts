/** Tokens of one process, for a client used alone. The reference for what a store does. */

import { type Clock, systemClock } from '../clock.ts'
import type { FaultReport } from '../fault.ts'
import { expiring } from './expiring.ts'
import { probeEveryMs, type Stored, shutForMs, type TokenKey, type TokenStore } from './token-store.ts'

/** A store in memory; by the monotonic clock, so that setting the wall clock changes nothing. */
export function memoryTokenStore(clock: Clock = systemClock): TokenStore {
  const tokens = expiring<{ value: string; lifeMs: number }>(clock)
  const refusals = expiring<FaultReport>(clock)
  const locks = expiring<string>(clock)
  const doors = expiring<{ report: FaultReport; nextMs: number }>(clock)
  const shut = (app: string, report: FaultReport): void =>
    doors.set(app, { report, nextMs: clock.monotonicMs() + probeEveryMs }, shutForMs)
  const refusalOf = ({ app, secret }: TokenKey) => `${app}:${secret}`
  const giveBack = (app: string, owner: string) => locks.get(app)?.value === owner && locks.remove(app)
  const behindDoor = (app: string, mayProbe: boolean): Pick<Stored, 'shut' | 'isProbe'> => {
    const door = doors.get(app)?.value
    if (!door) return {}
    const leftMs = Math.max(0, door.nextMs - clock.monotonicMs())
    if (leftMs > 0 || !mayProbe) return { shut: { report: door.report, leftMs } }
    shut(app, door.report)
    return { isProbe: true }
  }
  return {
    async look(key, mayProbe = false) {
      const token = tokens.get(key.app)
      const refusal = refusals.get(refusalOf(key))
      return {
        ...(token && { token: { ...token.value, leftMs: token.leftMs } }),
        ...(refusal && { refusal: { report: refusal.value, leftMs: refusal.leftMs } }),
        ...behindDoor(key.app, mayProbe),
      }
    },
    shut: async ({ app }, report) => shut(app, report),
    async reopen({ app }) {
      doors.remove(app)
    },
    async lock({ app }, owner, ttlMs) {
      if (locks.get(app)) return false
      locks.set(app, owner, ttlMs)
      return true
    },
    async release({ app }, owner) {
      giveBack(app, owner)
    },
    async accept({ app }, owner, value, lifeMs) {
      if (!giveBack(app, owner)) return false
      tokens.set(app, { value, lifeMs }, lifeMs)
      return true
    },
    async refuse(key, owner, report, forMs) {
      if (giveBack(key.app, owner)) refusals.set(refusalOf(key), report, forMs)
    },
    async forget({ app }, value) {
      if (tokens.get(app)?.value.value === value) tokens.remove(app)
    },
  }
}
