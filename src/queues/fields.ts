/** Fields that payloads share. One with a default is part of every fingerprint: new ones are optional and have none. */

import { z } from 'zod'

/** The configured id of an app: safe in keys and metric labels. */
export const App = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, - and _, at most 64')
  .default('default')

export const deadlineMaxMs = 720 * 3_600_000

/** From acceptance to the end, milliseconds; shorter or longer than the table's, at most 30 days. */
export const DeadlineMs = z.int().min(1_000).max(deadlineMaxMs).optional()

/** Ahead of the others that wait for the same limit. */
export const Urgent = z.boolean().default(false)

/** Told of the job's end, whatever it is; see docs/webhooks.md. Default: nobody is told. */
export const Webhook = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .max(2_048, 'at most 2,048 characters')
  .optional()

/** What every job takes that somebody asks for. */
export const Common = { urgent: Urgent, deadlineMs: DeadlineMs, webhook: Webhook }
