/** The shape of WECOM_MEDIA_LIMITS: JSON, or a file with JSON. What rules mean, and which can hold, is checked in limits/. */

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { LimitsConfig } from './limits/index.ts'

const amount = z.number()
const Rate = z
  .strictObject({ amount, windowMs: z.number(), scope: z.enum(['corp', 'ip']), burst: z.number() })
  .partial()
const Quota = z.strictObject({ amount, per: z.enum(['day', 'month', '30-days']) }).partial()

const Change = z
  .strictObject({
    rates: z.record(z.string(), Rate.nullable()),
    concurrency: z.number().nullable(),
    quota: z.record(z.string(), Quota.nullable()),
  })
  .partial()

const Layer = z.strictObject({ all: Change, methods: z.record(z.string(), Change) }).partial()

const Limits = Layer.extend({
  corps: z.record(z.string(), Layer.extend({ concurrency: z.number().optional() })).optional(),
  flightMs: z.number().optional(),
})

/** The value of the setting: parsed, or a mistake for its list. */
export const limitsSetting = z.string().transform((text, context): LimitsConfig => {
  try {
    const parsed = Limits.safeParse(
      JSON.parse(text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8')),
    )
    if (parsed.success) return parsed.data as LimitsConfig
    for (const { path, message } of parsed.error.issues) context.addIssue(`${path.join('.')}: ${message}`)
  } catch (error) {
    context.addIssue(
      `must be JSON or the path of a JSON file (${error instanceof Error ? error.message : error})`,
    )
  }
  return z.NEVER
})
