/** One rule as one corp or address meets it with one method: what it has used, and until when it is locked out. */

import { dayEndMs, dayStartMs, monthStartMs, thirtyDaysMs } from './calendar.ts'
import type { LimitRule, LimitSettings } from './settings.ts'
import { FixedWindow, SlidingWindow, type WindowCount } from './window-count.ts'

export class Meter {
  /** Name of the rule. */
  readonly name: string
  readonly rule: LimitRule
  readonly #window: WindowCount
  #lockedUntilMs = Number.NEGATIVE_INFINITY

  constructor(name: string, rule: LimitRule, windows: LimitSettings['windows']) {
    this.name = name
    this.rule = rule
    this.#window = windowOf(rule, windows)
  }

  get lockedUntilMs(): number {
    return this.#lockedUntilMs
  }

  /** A call too many begins a lock-out; one during it changes nothing, unless it `prolongs`. */
  refuses(nowMs: number, prolongs: boolean): boolean {
    const isLocked = nowMs < this.#lockedUntilMs
    if (!isLocked && this.#window.at(nowMs) < this.rule.calls) return false
    if (!isLocked || prolongs) this.#lockedUntilMs = lockoutEndMs(this.rule, nowMs)
    return true
  }

  count(nowMs: number): void {
    this.#window.add(nowMs)
  }

  takeBack(countedMs: number): void {
    this.#window.takeBack(countedMs)
  }
}

function windowOf({ windowMs }: LimitRule, windows: LimitSettings['windows']): WindowCount {
  if (windowMs === 'day') return new FixedWindow(dayStartMs)
  if (windowMs === 'month') {
    return windows === 'fixed' ? new FixedWindow(monthStartMs) : new SlidingWindow(thirtyDaysMs)
  }
  return windows === 'fixed'
    ? new FixedWindow(ms => Math.floor(ms / windowMs) * windowMs)
    : new SlidingWindow(windowMs)
}

function lockoutEndMs({ windowMs, lockoutMs }: LimitRule, nowMs: number): number {
  if (lockoutMs !== undefined) return nowMs + lockoutMs
  if (windowMs === 'day') return dayEndMs(nowMs)
  return nowMs + (windowMs === 'month' ? thirtyDaysMs : windowMs)
}
