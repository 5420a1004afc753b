/**
 * Receivers as this process has met them: one that is slow gets half of the places at most, and one that does not answer
 * is left alone for a while, so that the others hear in time. In memory: each process finds out for itself.
 */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'

export interface SitesParts {
  readonly clock: Clock
  /** Deliveries to one receiver under way at once. */
  readonly places: number
  readonly random: () => number
}

export interface Sites {
  /**
   * Runs `work`, which throws `transient` when nobody answered. Faults: `limit` (all places taken; costs no attempt), `transient`
   * (did not answer lately; `isLast` asks all the same), those of `work`.
   */
  visit<T>(url: string, isLast: boolean, work: () => Promise<T>): Promise<T>
}

/** Unanswered deliveries in a row after which a receiver is left alone, and for how long, ms; then one asks. */
const silentMax = 3
const restMs = 30_000

/** What a delivery is thought to take, for the wait of those that found no place, ms; and the longest such wait. */
const usualMs = 1_000
const waitMaxMs = 60_000

/** Of a dead receiver an entry stays: forgetting them all costs each another three deliveries. */
const sitesMax = 10_000

interface Site {
  underWay: number
  silent: number
  restsUntilMs: number
  /** That found no place since there last was one. */
  turnedAway: number
}

export function createSites(parts: SitesParts): Sites {
  const sites = new Map<string, Site>()
  return {
    async visit(url, isLast, work) {
      const name = URL.parse(url)?.origin ?? ''
      const site = sites.get(name) ?? { underWay: 0, silent: 0, restsUntilMs: 0, turnedAway: 0 }
      if (sites.size >= sitesMax) sites.clear()
      sites.set(name, site)
      enter(site, name, isLast, parts)
      try {
        const answer = await work()
        site.silent = 0
        return answer
      } catch (error) {
        // What our own settings refuse says nothing about the receiver.
        if (!(error instanceof Fault) || error.kind !== 'transient') throw error
        site.silent += 1
        if (site.silent >= silentMax) site.restsUntilMs = parts.clock.monotonicMs() + restMs
        throw error
      } finally {
        site.underWay -= 1
        if (site.underWay === 0 && site.silent === 0) sites.delete(name)
      }
    },
  }
}

function enter(site: Site, name: string, isLast: boolean, { clock, places, random }: SitesParts): void {
  if (site.silent >= silentMax && !isLast) {
    if (clock.monotonicMs() < site.restsUntilMs)
      throw new Fault('transient', `the webhook at ${name} has not answered ${site.silent} times in a row`)
    // The others wait for what this one finds.
    site.restsUntilMs = clock.monotonicMs() + restMs
  }
  if (site.underWay >= places) {
    site.turnedAway += 1
    const waitMs = Math.min(waitMaxMs, usualMs * (1 + site.turnedAway / places)) * (0.5 + random())
    throw new Fault('limit', `as many deliveries to ${name} are under way as may be`, { waitMs })
  }
  site.turnedAway = 0
  site.underWay += 1
}
