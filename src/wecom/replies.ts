/** What the platform answers, as far as we read it: lenient in spelling, strict in meaning. */

import { z } from 'zod'

/** A whole number above 0; a string in one sample of the platform, a number in another (facts §1.1 row 14). */
const count = (max: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,12}$/)
        .transform(Number),
    ])
    .pipe(z.number().int().positive().max(max))

/** Seconds since 1970; milliseconds would be far beyond. */
const seconds = count(999_999_999_999)

const token = z.string().min(1)
/** Seconds: 7,200 (facts §7.1), and never a year. */
const expires_in = count(31_536_000)

export const tokenReply = z.object({ access_token: token, expires_in })
export const suiteTokenReply = z.object({ suite_access_token: token, expires_in })
export const providerTokenReply = z.object({ provider_access_token: token, expires_in })

/** The host is not pinned: the platform has several (facts §5). */
export const imageReply = z.object({ url: z.url({ protocol: /^https?$/ }) })

/** `create_at` is what a private deployment was seen to say (facts §10). */
export const uploadReply = z.object({
  media_id: z.string().min(1),
  created_at: seconds.optional(),
  create_at: seconds.optional(),
})

export const jobReply = z.object({ jobid: z.string().min(1) })

/** A number that the platform's table calls a string and its sample a number (facts §1.2). */
const code = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d{1,9}$/)
      .transform(Number),
  ])
  .pipe(z.number().int())

/** What an unfinished job's fields hold is not documented: only the fields that a status needs must make sense. */
const detail = z.object({
  errcode: code.optional().catch(undefined),
  errmsg: z.string().optional().catch(undefined),
  media_id: z.string().min(1).optional().catch(undefined),
  created_at: seconds.optional().catch(undefined),
  create_at: seconds.optional().catch(undefined),
})

const done = detail.extend({ media_id: z.string().min(1) })

/** 1 running, 2 done, 3 failed; the errcode beside it is 0 in each case (facts §6.2). */
export const jobResultReply = z
  .object({ status: code, detail: z.unknown().optional() })
  .transform((reply, context) => {
    if (reply.status === 1) return { state: 'running' as const }
    if (reply.status === 2) {
      const parsed = done.safeParse(reply.detail)
      if (parsed.success) return { state: 'done' as const, detail: parsed.data }
    }
    if (reply.status === 3) {
      const { data = {} } = detail.safeParse(reply.detail)
      return { state: 'failed' as const, detail: data }
    }
    context.addIssue({ code: 'custom', message: 'no status that we know' })
    return z.NEVER
  })
