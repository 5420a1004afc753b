/** The shapes of single settings: what a text in the environment may be. */

import { delimiter } from 'node:path'
import { z } from 'zod'

export const url = (protocol: RegExp, what: string) => z.url({ protocol, error: `must be ${what}` })

/** A whole number. */
export const integer = (min: number, max: number) => {
  const range = `must be ${min} to ${max}`
  return z.coerce.number('must be a number').int('must be a whole number').min(min, range).max(max, range)
}

/** A list, separated by commas. */
export const words = <T>(each: z.ZodType<T, string>) =>
  z
    .string()
    .transform(list =>
      list
        .split(',')
        .map(word => word.trim())
        .filter(word => word !== ''),
    )
    .pipe(z.array(each))

/** A name has a dot, or is localhost, or is an address: a word alone is a mode that was misspelt. */
const host = z
  .string()
  .regex(/^(\*\.)?[^\s/@?#\\*]{1,253}$/, 'must be off, public, or hosts')
  .refine(name => /[.:]|^localhost$/i.test(name), 'must be off, public, or hosts: one of them is no host')
const mode = z
  .string()
  .transform(text => text.trim().toLowerCase())
  .pipe(z.enum(['off', 'public']))
export const hostsSetting = z.union([mode, words(host)])
export const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be ports')
  .transform(Number)
  .refine(number => number >= 1 && number <= 65_535, 'must be 1 to 65535')

/** The path of a file that holds a secret. */
export const secretFile = z.string().min(1).optional()
export const folders = z.string().transform(list => list.split(delimiter).filter(folder => folder !== ''))
