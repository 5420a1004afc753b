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

export const network = z.union([z.cidrv4(), z.cidrv6()], 'must be networks such as 10.0.0.0/8')

const keyBytes = (secret: string): number =>
  secret.startsWith('whsec_')
    ? Buffer.byteLength(secret.slice('whsec_'.length), 'base64')
    : Buffer.byteLength(secret)

/** Standard Webhooks asks for 24 to 64 bytes. */
const webhookSecret = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be ASCII')
  .refine(
    text => !text.startsWith('whsec_') || /^[A-Za-z0-9+/]+={0,2}$/.test(text.slice('whsec_'.length)),
    'must be base64 after whsec_',
  )
  .refine(
    text => keyBytes(text) >= 24,
    'must have 24 bytes at least: make one with "openssl rand -base64 32"',
  )

/** The newest first; two while one is replaced by the other. */
export const webhookSecrets = z
  .string()
  .transform(text => text.split(/\s+/).filter(each => each !== ''))
  .pipe(z.array(webhookSecret).max(2, 'must be one secret, or two while one is replaced'))

/** The path of a file that holds a secret. */
export const secretFile = z.string().min(1).optional()
export const folders = z.string().transform(list => list.split(delimiter).filter(folder => folder !== ''))
