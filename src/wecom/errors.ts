/**
 * From what went wrong to a Fault. Messages and causes hold no URL, token or secret: a cause keeps only its name and
 * code, because undici's and Node's errors may carry the whole URL (ERR_INVALID_URL has it in `input`).
 */

import { Fault, type FaultFacts } from '../fault.ts'
import { docOf, errcodes } from './errcodes.ts'
import { type MethodName, methods } from './methods.ts'

const codeOf = (error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : undefined
}

/** What is left of a foreign error: its name and code. */
export function reduced(error: unknown): { name: string; code?: string } {
  const name = error instanceof Error ? error.name : typeof error
  const code = codeOf(error)
  return code === undefined ? { name } : { name, code }
}

/**
 * No readable answer came. `isOut`: may the platform have got what it needs to perform the call? If so, what that
 * means is the method's business; if not, nothing happened.
 */
export function lost(method: MethodName, what: string, isOut: boolean, error?: unknown): Fault {
  const cause = error === undefined ? {} : { cause: reduced(error) }
  if (isOut && methods[method].lost === 'unknown') {
    return new Fault('unknown', `${method}: ${what}; the platform may have performed the call, or not`, cause)
  }
  return new Fault('transient', `${method}: ${what}; try again`, cause)
}

/** The caller's signal. After the first byte of a body nobody knows what the platform did with it. */
export function cancelled(method: MethodName, signal: AbortSignal, isOut: boolean): Fault {
  if (isOut && methods[method].lost === 'unknown') {
    return lost(method, 'cancelled while the body was on its way', isOut, signal.reason)
  }
  if (signal.reason instanceof Fault) return signal.reason
  return new Fault('cancelled', `${method}: cancelled by the caller`, { cause: reduced(signal.reason) })
}

/** Codes of a refused certificate or handshake: no retry makes them better (OpenSSL's verify codes, Node's TLS). */
const tls =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|EPROTO$)/

const connect =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|EMFILE|ENFILE)/

/** An error below HTTP: connection, TLS, a cut, a broken protocol. */
export function networkFault(method: MethodName, error: unknown, isOut: boolean): Fault {
  const code = codeOf(error) ?? 'no code'
  if (tls.test(code)) {
    const act = 'check the base URL, the proxy and the certificates this host trusts (NODE_EXTRA_CA_CERTS)'
    return new Fault('config', `${method}: no trusted TLS connection (${code}); ${act}`, {
      cause: reduced(error),
    })
  }
  if (connect.test(code)) {
    const act = 'nothing was sent: check the base URL, DNS, firewall and proxy, then try again'
    return new Fault('transient', `${method}: cannot reach the platform (${code}); ${act}`, {
      cause: reduced(error),
    })
  }
  return lost(method, `the connection failed (${code})`, isOut, error)
}

/** An HTTP status that is no answer of the API, which always says 200 (facts §3.3). */
export function statusFault(method: MethodName, status: number, isOut: boolean): Fault {
  const what = `HTTP ${status} instead of an answer`
  if (status >= 500) return lost(method, what, isOut)
  if (status === 408 || status === 429) return new Fault('transient', `${method}: ${what}; try again`)
  if (status === 407) return new Fault('config', `${method}: ${what}; the proxy wants credentials`)
  if (status >= 300 && status < 400) return new Fault('config', `${method}: ${what}; check the base URL`)
  if (status >= 400) return new Fault('rejected', `${method}: ${what}; check the base URL and the proxy`)
  return lost(method, what, isOut)
}

/** The platform's `hint` can be looked up for 30 minutes, `from ip` is the address it saw (facts §3.3). */
const hintIn = (errmsg: string) => /hint: ?\[([\w-]{1,64})\]/.exec(errmsg)?.[1]
const addressIn = (errmsg: string) => /from ip: ?([\da-fA-F.:]{2,45})/.exec(errmsg)?.[1]

/** The platform's words about a code that we do not know: short, on one line, without anything like a token. */
const wordsIn = (errmsg: string) =>
  errmsg
    .replace(/,? ?(hint:|from ip:|more info).*$/s, '')
    .replace(/[\w-]{25,}/g, '…')
    .replace(/[^\p{L}\p{N} .,:()_…-]/gu, ' ')
    .slice(0, 80)
    .trim()

/** The platform said no, with this code. */
export function errcodeFault(method: MethodName, errcode: number, errmsg = ''): Fault {
  const known = errcodes[errcode]
  const what = known?.en ?? `an errcode that is not in our table, "${wordsIn(errmsg)}"`
  const address = known?.kind === 'unavailable' ? addressIn(errmsg) : undefined
  const hint = hintIn(errmsg)
  const notes = [`errcode ${errcode}`, address && `the platform saw ${address}`, hint && `hint ${hint}`]
  const message = `${method}: ${what} (${notes.filter(Boolean).join(', ')}); ${known?.act ? `${known.act}; ` : ''}see ${docOf(errcode)}`
  const facts: FaultFacts = known?.waitMs === undefined ? { errcode } : { errcode, waitMs: known.waitMs }
  return new Fault(known?.kind ?? 'rejected', message, facts)
}
