/** The names that are kept alive, as a producer sees them: reserved before a job is queued, read, and let go. */

import type { FaultReport } from '../fault.ts'
import { openSrc } from '../files/image-src.ts'
import {
  defaultRenewBeforeMs,
  type KeepAlive,
  type KeptEnd,
  type KeptState,
  keptId,
  keptStateOf,
  renewalAtMs,
  type SeenName,
} from '../ledger/index.ts'
import type { Payload } from './jobs.ts'

/** A media_id that is kept alive under a name. Times are ms since 1970. */
export interface KeptMedia {
  readonly app: string
  readonly name: string
  /**
   * `new`: the first upload is under way. `fresh`. `ageing`: a renewal is due or under way. `failing`: the last renewal
   * failed, the media_id still serves. `dead`: it serves no more, renewals are tried on. `ended`: nobody renews it any more.
   */
  readonly state: KeptState
  /** Absent until the first upload is done. */
  readonly mediaId?: string
  /** When the platform forgets it, and how long it serves from now, ms; 0 when it serves no more. */
  readonly expiresAtMs?: number
  readonly leftMs?: number
  /** When keeping alive ends. */
  readonly untilMs: number
  readonly type: Payload<'media.upload'>['type']
  readonly attachment?: Payload<'media.upload'>['attachment']
  /** A path, or a URL without user and query. */
  readonly source: string
  readonly fileName?: string
  readonly sizeBytes?: number
  /** Of the bytes; a renewal sends these or none. */
  readonly sha256?: string
  /** The job that brought the media_id, and the one that is to bring the next. */
  readonly job?: string
  readonly nextJob?: string
  readonly sinceMs: number
  /** How often the media_id was renewed, and when last. */
  readonly renewals: number
  readonly renewedAtMs?: number
  /** When the next renewal begins, while they fail the next try; absent when none will. */
  readonly renewalDueAtMs?: number
  /** Why renewals fail now, since when, and how many did. */
  readonly fault?: FaultReport
  readonly faultAtMs?: number
  readonly failingSinceMs?: number
  readonly failures?: number
  readonly endedAtMs?: number
  readonly endedBy?: KeptEnd
}

/** What a program gets to see. */
function keptMedia({ kept, nowMs, renewBeforeMs = defaultRenewBeforeMs }: SeenName): KeptMedia {
  const { app, name, medium, untilMs, job, sinceMs, brought, broughtAtMs, trouble } = kept
  const { type, attachment, source } = JSON.parse(kept.payload) as Payload<'media.upload'>
  const state = keptStateOf(kept, nowMs, renewBeforeMs)
  const atMs = renewalAtMs(kept, renewBeforeMs)
  return {
    ...{ app, name, state },
    ...(medium && { mediaId: medium.mediaId, expiresAtMs: medium.expiresAtMs }),
    ...(medium && { leftMs: state === 'dead' ? 0 : Math.max(0, medium.expiresAtMs - nowMs) }),
    ...{ untilMs, type, ...(attachment !== undefined && { attachment }) },
    source: shown(source),
    ...(medium && { fileName: medium.fileName, sizeBytes: medium.sizeBytes, sha256: medium.sha256 }),
    ...(medium && { job: medium.job }),
    ...(job !== undefined && state !== 'ended' && { nextJob: job }),
    ...{ sinceMs, renewals: Math.max(0, brought - 1) },
    ...(brought > 1 && broughtAtMs !== undefined && { renewedAtMs: broughtAtMs }),
    ...(state !== 'ended' && Number.isFinite(atMs) && { renewalDueAtMs: atMs }),
    ...(trouble && { fault: trouble.fault, faultAtMs: trouble.atMs }),
    ...(trouble && { failingSinceMs: trouble.sinceMs, failures: trouble.tries }),
    ...endOf(state, kept.end, untilMs),
  }
}

function shown(source: Payload<'media.upload'>['source']): string {
  if ('url' in source) return openSrc(source.url)
  return 'path' in source ? source.path : source.spooled
}

function endOf(
  state: KeptState,
  end: SeenName['kept']['end'],
  untilMs: number,
): Pick<KeptMedia, 'endedAtMs' | 'endedBy'> {
  if (end) return { endedAtMs: end.atMs, endedBy: end.why }
  // No worker has looked since.
  return state === 'ended' ? { endedAtMs: untilMs, endedBy: 'until' } : {}
}

/** Reads of many names go together, so many at a time. */
const together = 200

/** All of them, or those of one app, by app and name; ended ones too. */
export async function allKept(names: KeepAlive, app?: string): Promise<KeptMedia[]> {
  const ids = await names.ids()
  const found: KeptMedia[] = []
  for (let at = 0; at < ids.length; at += together) {
    const seen = await Promise.all(ids.slice(at, at + together).map(id => names.read(id)))
    for (const each of seen)
      if (each && (app === undefined || each.kept.app === app)) found.push(keptMedia(each))
  }
  return found.toSorted((a, b) => compare([a.app, a.name], [b.app, b.name]))
}

const compare = ([app, name]: [string, string], [otherApp, otherName]: [string, string]): number => {
  if (app !== otherApp) return app < otherApp ? -1 : 1
  if (name === otherName) return 0
  return name < otherName ? -1 : 1
}

export interface NameOf {
  /** Default `default`. */
  readonly app?: string
  readonly name: string
}

export async function oneKept(
  names: KeepAlive,
  { app = 'default', name }: NameOf,
): Promise<KeptMedia | undefined> {
  const seen = await names.read(keptId(app, name))
  return seen && keptMedia(seen)
}

export const letGo = (names: KeepAlive, { app = 'default', name }: NameOf): Promise<boolean> =>
  names.end(keptId(app, name), 'let-go')
