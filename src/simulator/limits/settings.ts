/**
 * The platform's limits as its manual states them, each to be changed at the start and while it runs. What the
 * manual leaves open (where a window begins, what a refused call costs) is a switch, with a guess as default.
 */

import { BadInput, Input } from '../control/input.ts'

const minuteMs = 60_000
const hourMs = 3_600_000

/** At most `calls` in one window; one more is refused with 45009, and so is all that follows for `lockoutMs`. */
export interface LimitRule {
  readonly on: boolean
  /** Who is counted: each corp, or each address. */
  readonly per: 'corp' | 'ip'
  /** Only calls of this method. Default: every method, each counted by itself. */
  readonly method?: string | undefined
  /** Only calls of this corp. */
  readonly corp?: string | undefined
  /** 0 refuses every call. */
  readonly calls: number
  /** Milliseconds, or the natural day or month of Asia/Shanghai; a sliding month is 30 days, a day never slides. */
  readonly windowMs: number | 'day' | 'month'
  /** From the first refusal on. Default: `windowMs`; for a day until it ends, for a month 30 days (p/90454). */
  readonly lockoutMs?: number | undefined
  /**
   * 'calls': at the arrival of the head. 'accepted': the same, but given back when the call ends in an errcode or
   * breaks off. 'wrong-secrets': only calls that are answered 40001.
   */
  readonly counts: 'calls' | 'accepted' | 'wrong-secrets'
}

export interface LimitSettings {
  readonly rules: Readonly<Record<string, LimitRule>>
  /** Fixed windows are cut out of the simulator's time, sliding ones end at the call. The manual is silent. */
  readonly windows: 'fixed' | 'sliding'
  /** Calls that a limit refuses count like the others. Not stated. */
  readonly countRefused: boolean
  /** A call during a lock-out begins it anew. Not stated. */
  readonly prolongLockout: boolean
  /** Calls of one corp and method under way at once; one more is refused with 45033. The number is not published. */
  readonly concurrency: number | 'off'
  /** The same for gets of one media_id, which the text of 45033 names. */
  readonly concurrencyPerMedium: number | 'off'
  /** Everyone else gets 60020, but for `gettoken`. */
  readonly trustedIps: readonly string[] | 'any'
}

/** What to change; a rule of a new name needs at least `per`, `calls` and `windowMs`. */
export type LimitChange = Partial<
  Omit<LimitSettings, 'rules'> & { readonly rules: Readonly<Record<string, Partial<LimitRule>>> }
>

const base = { on: true, per: 'corp', counts: 'calls' } as const

export const defaultLimits: LimitSettings = {
  rules: {
    // Per corp and API, and per address and API: p/90454 (2023-08). A suite's token counts for its provider.
    minute: { ...base, calls: 10_000, windowMs: minuteMs },
    hour: { ...base, calls: 150_000, windowMs: hourMs },
    ipMinute: { ...base, on: false, per: 'ip', calls: 20_000, windowMs: minuteMs },
    ipHour: { ...base, on: false, per: 'ip', calls: 600_000, windowMs: hourMs },
    // Per corp, all its apps together: p/90454. That failed ones are free is assumed.
    imageDay: { ...base, method: 'media/uploadimg', calls: 1000, windowMs: 'day', counts: 'accepted' },
    imageMonth: { ...base, method: 'media/uploadimg', calls: 3000, windowMs: 'month', counts: 'accepted' },
    // The address is blocked for an hour (text of 45009); 2,000 in an hour is an answer of the platform's staff.
    wrongSecrets: {
      ...base,
      per: 'ip',
      method: 'gettoken',
      calls: 2000,
      windowMs: hourMs,
      counts: 'wrong-secrets',
    },
  },
  windows: 'fixed',
  countRefused: false,
  prolongLockout: false,
  concurrency: 'off',
  concurrencyPerMedium: 'off',
  trustedIps: 'any',
}

/** The settings after a change; throws `BadInput` with one line. Fields that are undefined change nothing. */
export function changed(before: LimitSettings, change: unknown, methods: readonly string[]): LimitSettings {
  const input = Input.from(change, 'limits')
  const rules = readRules(input.inputIfAny('rules'), before.rules, methods)
  const others = {
    windows: input.choiceIfAny('windows', ['fixed', 'sliding']),
    countRefused: input.flagIfAny('countRefused'),
    prolongLockout: input.flagIfAny('prolongLockout'),
    concurrency: input.is('concurrency', 'off') ? ('off' as const) : input.integerIfAny('concurrency', 1),
    concurrencyPerMedium: input.is('concurrencyPerMedium', 'off')
      ? ('off' as const)
      : input.integerIfAny('concurrencyPerMedium', 1),
    trustedIps: input.is('trustedIps', 'any') ? ('any' as const) : input.textsIfAny('trustedIps'),
  }
  input.end()
  return { ...before, ...given(others), rules: { ...before.rules, ...rules } }
}

function readRules(
  input: Input | undefined,
  before: LimitSettings['rules'],
  methods: readonly string[],
): Record<string, LimitRule> {
  const names = input?.names() ?? []
  const rules = names.map(name => {
    const fields = input?.inputIfAny(name)
    return [name, readRule(fields, Object.hasOwn(before, name) ? before[name] : undefined, methods)]
  })
  return Object.fromEntries(rules)
}

function readRule(
  input: Input | undefined,
  before: LimitRule | undefined,
  methods: readonly string[],
): LimitRule {
  const change = {
    on: input?.flagIfAny('on'),
    per: input?.choiceIfAny('per', ['corp', 'ip']),
    method: input?.choiceIfAny('method', methods),
    corp: input?.textIfAny('corp'),
    calls: input?.integerIfAny('calls', 0),
    windowMs: input && readWindow(input),
    lockoutMs: input?.integerIfAny('lockoutMs', 1),
    counts: input?.choiceIfAny('counts', ['calls', 'accepted', 'wrong-secrets']),
  }
  input?.end()
  const { per, calls, windowMs, ...others } = { ...before, ...given(change) }
  if (per === undefined || calls === undefined || windowMs === undefined) {
    throw new BadInput("limits, 'rules': a new rule needs 'per', 'calls' and 'windowMs'")
  }
  return { ...base, ...others, per, calls, windowMs }
}

function readWindow(input: Input): LimitRule['windowMs'] | undefined {
  if (input.is('windowMs', 'day')) return 'day'
  if (input.is('windowMs', 'month')) return 'month'
  return input.integerIfAny('windowMs', 1)
}

type Given<Fields> = { readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

const given = <Fields extends object>(fields: Fields): Given<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)) as Given<Fields>
