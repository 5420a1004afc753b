/**
 * Who is logged in: a cookie that is signed with a key made of the password. Replicas with the same password believe each
 * other without a store, and another password ends every session.
 */

import { createHash, createHmac, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Clock } from '../../clock.ts'

export interface Sessions {
  /** Takes the same time whatever is wrong. */
  isRight(user: string, password: string): boolean
  /** The `Set-Cookie` of a session that begins now. `isSecure`: the browser came over https. */
  begin(isSecure: boolean): string
  /** The `Set-Cookie` that ends it in this browser. */
  end(): string
  /** Whether a `Cookie` header holds a session that is not over. */
  holds(cookies: string | undefined): boolean
}

export interface SessionParts {
  readonly user: string
  readonly password: string
  /** Another deployment with the same password has other sessions. */
  readonly deployment: string
  /** Its cookie goes nowhere else. */
  readonly path: string
  readonly clock: Clock
}

/** A working day, ms. */
const sessionMs = 12 * 3_600_000

/** A stolen cookie lets one try passwords against it; each try costs this much: about 0.1 s and 32 MiB. */
const costly = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

const derive = promisify<string, string, number, object, Buffer>(scrypt)

export async function createSessions(parts: SessionParts): Promise<Sessions> {
  const { user, password, deployment, path, clock } = parts
  const key = await derive(password, `wecom-media board ${deployment} ${user}`, 32, costly)
  const sign = (text: string): string => createHmac('sha256', key).update(text).digest('base64url')
  // Browsers don't tell the ports of one host apart: two deployments there must not end each other's sessions.
  const name = `wecom-media-board-${sign('name').slice(0, 8)}`
  const attributes = `Path=${path}; HttpOnly; SameSite=Strict`
  const isValid = (value: string): boolean => {
    const [untilMs = '', signature = ''] = value.split('.')
    return isSame(signature, sign(`session ${untilMs}`)) && Number(untilMs) > clock.nowMs()
  }
  return {
    isRight: (givenUser, givenPassword) => {
      const [userIs, passwordIs] = [isSame(givenUser, user), isSame(givenPassword, password)]
      return userIs && passwordIs
    },
    begin(isSecure) {
      const untilMs = clock.nowMs() + sessionMs
      const value = `${untilMs}.${sign(`session ${untilMs}`)}`
      return `${name}=${value}; Max-Age=${sessionMs / 1_000}; ${attributes}${isSecure ? '; Secure' : ''}`
    },
    end: () => `${name}=; Max-Age=0; ${attributes}`,
    holds: cookies => valuesOf(cookies, name).some(isValid),
  }
}

/** Hashed first: neither the length nor a common beginning shows in the time. */
const isSame = (given: string, right: string): boolean => timingSafeEqual(hash(given), hash(right))

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()

const valuesOf = (cookies: string | undefined, name: string): string[] =>
  (cookies ?? '')
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair.startsWith(`${name}=`))
    .map(pair => pair.slice(name.length + 1))
