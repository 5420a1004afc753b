/**
 * The guard around a connector: literal addresses, every address that a name resolves to, and the peer that answered.
 * All three, because a lookup hook is never asked about literals, and names can mean something else a moment later.
 * Errors go to the callback; one that is thrown from a connector ends the process.
 */

import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { WebRules } from './web-policy.ts'

export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>
type Rules = Pick<WebRules, 'permits' | 'refused'>

/** What undici gives to a connector and wants from it, as far as it matters here. */
interface Target {
  readonly hostname: string
  readonly protocol: string
  readonly host?: string
}
type Callback = (...result: [null, Socket] | [Error, null]) => void
type Connector<T extends Target> = (target: T, callback: Callback) => void

const siteOf = ({ protocol, host, hostname }: Target): string => `${protocol}//${host ?? hostname}`

const coded = (code: string): Error => Object.assign(new Error(code), { code })

/** One bad address among good ones spoils the name: which of them would be taken is not ours to say. */
const checkedLookup =
  (lookup: Lookup, { permits, refused }: Rules): LookupFunction =>
  (hostname, { all }, callback) => {
    const answer = (found: readonly LookupAddress[]): void => {
      const [first] = found
      if (first === undefined) callback(coded('ENOTFOUND'), '', 0)
      else if (!found.every(({ address }) => permits(address)))
        callback(refused(`the host ${hostname}`), '', 0)
      else if (all === true) callback(null, [...found])
      else callback(null, first.address, first.family)
    }
    lookup(hostname).then(answer, (error: Error) => callback(error, '', 0))
  }

/** A peer that has no address any more has gone already. */
const peerProblem = (
  { remoteAddress }: Socket,
  target: Target,
  { permits, refused }: Rules,
): Error | undefined => {
  if (remoteAddress === undefined) return coded('ENOTCONN')
  return permits(remoteAddress) ? undefined : refused(siteOf(target))
}

/** `build` makes the connector that resolves names by the given function, and by no other. */
export const guardedConnector = <T extends Target>(
  rules: Rules,
  lookup: Lookup,
  build: (lookup: LookupFunction) => Connector<T>,
): Connector<T> => {
  const connect = build(checkedLookup(lookup, rules))
  return (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && !rules.permits(literal)) {
      queueMicrotask(() => callback(rules.refused(siteOf(target)), null))
      return
    }
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null)
      const problem = peerProblem(socket, target, rules)
      if (problem === undefined) return callback(null, socket)
      socket.on('error', () => {}).destroy()
      callback(problem, null)
    })
  }
}
