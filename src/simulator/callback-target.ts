/** Where callbacks go, and whom they say they are for: the rules of `receiveid` differ by kind of callback. */

import type { Accounts, App, Grantee, Suite, Tenant } from './apps.ts'
import { BadInput, Input } from './control/input.ts'

/** What is entered for an app, or a suite, on its page of the console. */
export interface CallbackTarget {
  /** http or https. `$CORPID$` in it becomes the corp that a callback is about. */
  readonly url: string
  /** At most 32 letters and digits. */
  readonly token: string
  /** The EncodingAESKey: 43 letters and digits. */
  readonly aesKey: string
  /** Of a suite: where command callbacks (指令回调) go. Default: `url`. */
  readonly commandUrl?: string | undefined
}

/** Throws `BadInput` for a target that the console would not take (p/96238). */
export function readCallbackTarget(input: Input): CallbackTarget {
  const target = {
    url: input.text('url'),
    token: input.text('token'),
    aesKey: input.text('aesKey'),
    commandUrl: input.textIfAny('commandUrl'),
  }
  input.end()
  for (const url of [target.url, target.commandUrl ?? target.url]) {
    if (!/^https?:\/\/./.test(url)) throw new BadInput("a callback: its URL must begin with 'http(s)://'")
  }
  if (!/^[a-z0-9]{1,32}$/i.test(target.token)) {
    throw new BadInput("a callback: 'token' must be 1 to 32 letters and digits")
  }
  if (!/^[a-z0-9]{43}$/i.test(target.aesKey)) {
    throw new BadInput("a callback: 'aesKey' must be 43 letters and digits")
  }
  return target
}

/** Throws `BadInput` where a callback of these would not be taken. */
export function checkCallbacks({ apps = [], suites = [] }: Partial<Accounts>): void {
  for (const { callback } of [...apps, ...suites]) {
    if (callback) readCallbackTarget(Input.from(callback, 'a callback'))
  }
}

/** One place that callbacks go to. */
export interface Destination {
  readonly url: string
  readonly token: string
  readonly aesKey: string
  /** Stands at the end of what is encrypted; the receiver checks it. */
  readonly receiveId: string
  /** Outside of what is encrypted; the manual promises nothing about it. */
  readonly toUserName: string
  readonly agentId: string
  /** Its answer must be `success` (p/97172). */
  readonly isCommand: boolean
  readonly corp?: string
  readonly suiteId?: string
}

/** Where an app's messages and events go; for a suite's tenant to the suite, in the tenant's name. */
export function dataDestination(accounts: Accounts, to: Grantee): Destination | undefined {
  const suite = isTenant(to) ? accounts.suites.find(each => each.suiteId === to.suiteId) : undefined
  const target = suite ? suite.callback : (to as App).callback
  if (!target) return undefined
  const { corpId, agent = '' } = to
  return {
    ...keysOf(target),
    url: target.url.replaceAll('$CORPID$', corpId),
    receiveId: corpId,
    toUserName: corpId,
    agentId: agent,
    isCommand: false,
    corp: corpId,
    ...(suite ? { suiteId: suite.suiteId } : {}),
  }
}

/** Where a suite's tickets and authorisations go. */
export function commandDestination(suite: Suite): Destination | undefined {
  const { callback, suiteId } = suite
  return callback && suiteDestination(suite, callback, callback.commandUrl ?? callback.url, suiteId)
}

/** The check of a suite's URLs names the provider, whatever they are for (staff answers). */
export function suiteChecks(suite: Suite): Destination[] {
  const { callback, providerCorpId = '' } = suite
  if (!callback) return []
  const urls = new Set([callback.url, callback.commandUrl ?? callback.url])
  return [...urls].map(url => suiteDestination(suite, callback, url, providerCorpId))
}

const suiteDestination = (
  { suiteId, providerCorpId = '' }: Suite,
  target: CallbackTarget,
  url: string,
  receiveId: string,
): Destination => ({
  ...keysOf(target),
  url: url.replaceAll('$CORPID$', providerCorpId),
  receiveId,
  toUserName: receiveId,
  agentId: '',
  isCommand: true,
  suiteId,
})

const isTenant = (to: Grantee): to is Tenant => 'permanentCode' in to

const keysOf = ({ token, aesKey }: CallbackTarget): Pick<Destination, 'token' | 'aesKey'> => ({
  token,
  aesKey,
})
