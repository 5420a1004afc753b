/** A time in the past as people say it. Pure: now comes in, and a time of day means the last one that has been. */

import { CommandError } from '../exit.ts'

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30m`, `2h`, `3d` ago; `noon`, `12:00` by this host's clock; or ISO 8601 -> ms since 1970. Throws usage. */
export function parseSince(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,5})(m|h|d)$/.exec(text) ?? []
  if (count !== undefined) return nowMs - Number(count) * units[unit as keyof typeof units]
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text === 'noon' ? '12:00' : text) ?? []
  if (hours !== undefined) return lastTime(Number(hours), Number(minutes), nowMs)
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (ms <= nowMs) return ms
  const what = ms > nowMs ? 'has not come yet' : 'is no time'
  throw new CommandError('usage', `"${text}" ${what}: write noon, 12:00, 2h, or 2026-11-25T12:00+08:00`)
}

function lastTime(hours: number, minutes: number, nowMs: number): number {
  const at = new Date(nowMs)
  at.setHours(hours, minutes, 0, 0)
  if (at.getTime() > nowMs) at.setDate(at.getDate() - 1)
  return at.getTime()
}
