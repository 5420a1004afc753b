/** The limits of the platform, one row per method. A new method asks for its row (`satisfies`). */

import type { MethodName } from '../wecom/methods.ts'
import type { Rate } from './spacing.ts'

/** A calendar rule by the platform's day and month (Asia/Shanghai), or of the last 30 days. */
export interface QuotaRule {
  readonly amount: number
  readonly per: 'day' | 'month' | '30-days'
}

export interface MethodRules {
  readonly rates: Readonly<Record<string, Rate>>
  /** Calls under way at once, over the fleet. Default: none; a 45033 of the platform shows one. */
  readonly concurrency?: number
  readonly quota: Readonly<Record<string, QuotaRule>>
}

const minuteMs = 60_000
const hourMs = 3_600_000

/*
 * Per corp and API the platform allows 10,000 a minute and 150,000 an hour, per address 20,000 and 600,000
 * (document/path/90454, 2023-08; third-party providers twice that). The minute is the design's own figure, half the
 * platform's.
 */
const usual = {
  minute: { amount: 5_000, windowMs: minuteMs, scope: 'corp' },
  hour: { amount: 150_000, windowMs: hourMs, scope: 'corp' },
  'ip-minute': { amount: 20_000, windowMs: minuteMs, scope: 'ip' },
  'ip-hour': { amount: 600_000, windowMs: hourMs, scope: 'ip' },
} as const satisfies Record<string, Rate>

export const defaultRules = {
  gettoken: { rates: usual, quota: {} },
  'media/upload': { rates: usual, quota: {} },
  'media/get': { rates: usual, quota: {} },
  'media/get/jssdk': { rates: usual, quota: {} },
  'media/upload_by_url': { rates: usual, quota: {} },
  'media/get_upload_by_url_result': { rates: usual, quota: {} },
  'media/upload_attachment': { rates: usual, quota: {} },
  'service/media/upload': { rates: usual, quota: {} },
  'service/get_suite_token': { rates: usual, quota: {} },
  'service/get_corp_token': { rates: usual, quota: {} },
  'service/get_provider_token': { rates: usual, quota: {} },
  // All apps of the corp together (document/path/90454 and 90256).
  'media/uploadimg': {
    rates: usual,
    quota: { day: { amount: 1_000, per: 'day' }, month: { amount: 3_000, per: 'month' } },
  },
} as const satisfies Record<MethodName, MethodRules>

export const isLimitedMethod = (name: string): name is MethodName => Object.hasOwn(defaultRules, name)

export const limitedMethods: readonly MethodName[] = Object.keys(defaultRules).filter(isLimitedMethod)

/** A refresh of a token is one for the fleet, and passes no gate. */
const ungated: readonly MethodName[] = [
  'gettoken',
  'service/get_suite_token',
  'service/get_corp_token',
  'service/get_provider_token',
]

export const gatedMethods: readonly MethodName[] = limitedMethods.filter(method => !ungated.includes(method))
