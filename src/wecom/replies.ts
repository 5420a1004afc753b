/** What the platform answers, as far as we read it: lenient in spelling, strict in meaning. */

import { z } from 'zod'

/** Seconds; a string in one sample of the platform, a number in another (facts §1.1 row 14). */
const seconds = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,12}$/)
      .transform(Number),
  ])
  .pipe(z.number().int().positive())

export const tokenReply = z.object({
  access_token: z.string().min(1),
  expires_in: z.union([z.number(), z.string().transform(Number)]).pipe(z.number().positive()),
})

/** The host is not pinned: the platform has several (facts §5). */
export const imageReply = z.object({ url: z.url({ protocol: /^https?$/ }) })

/** `create_at` is what a private deployment was seen to say (facts §10). */
export const uploadReply = z.object({
  media_id: z.string().min(1),
  created_at: seconds.optional(),
  create_at: seconds.optional(),
})
