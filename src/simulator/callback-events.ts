/** What the platform tells by itself: a finished job, a ticket, a user's message; and the check of a callback's URL. */

import { randomBytes, randomInt } from 'node:crypto'
import type { Accounts, Grantee, Suite } from './apps.ts'
import type { Delivery } from './callback-log.ts'
import { checkUrl, encryptFor } from './callback-packet.ts'
import type { CallbackSender } from './callback-sender.ts'
import { commandDestination, type Destination, dataDestination, suiteChecks } from './callback-target.ts'
import { jobFinished, messageTypes, ticketPushed, type UserMessage, userMessage } from './callback-xml.ts'
import { BadInput, Input } from './control/input.ts'
import type { Directory } from './directory.ts'
import type { SettableClock } from './settable-clock.ts'
import type { Tickets } from './tickets.ts'

/** An app, or a suite's tenant; a suite itself where only its id is given. An `App`, `Suite` or `Tenant` will do. */
export interface Addressee {
  /** Default: the corp of the first app, or of the suite's first tenant. */
  readonly corpId?: string | undefined
  /** The app's label, where its corp has several. */
  readonly agent?: string | undefined
  /** The app's secret, where its corp has several. */
  readonly secret?: string | undefined
  readonly suiteId?: string | undefined
}

export type MessageSpec = UserMessage & Addressee

export interface CallbackCheck {
  /** HTTP 200 and the very text that was encrypted, inside the time. */
  readonly ok: boolean
  readonly url: string
  readonly ms: number
  readonly status?: number | undefined
  readonly body?: string | undefined
  /** Why there was no whole answer, such as 'timeout' or ECONNREFUSED. */
  readonly error?: string
}

interface Parts {
  readonly directory: Directory
  readonly clock: SettableClock
  readonly callbacks: CallbackSender
}

const nowSOf = (clock: SettableClock): number => Math.floor(clock.nowMs() / 1000)

/** Nothing for an app without a callback. */
export function tellJobFinished(
  { directory, clock, callbacks }: Parts,
  grantee: Grantee,
  jobId: string,
): void {
  const to = dataDestination(directory.accounts, grantee)
  if (!to) return
  const text = jobFinished(grantee.corpId, jobId, nowSOf(clock))
  callbacks.send(to, { event: 'upload_media_job_finish', text, jobId })
}

/** Throws `BadInput` for an unknown suite, or one without a callback. */
export function pushTicket(
  { directory, clock, callbacks, tickets }: Parts & { readonly tickets: Tickets },
  suiteId: string,
): Delivery {
  const to =
    commandDestination(suiteOf(directory.accounts, suiteId)) ?? refuse(`suite ${suiteId} has no callback`)
  const text = ticketPushed(suiteId, tickets.issue(suiteId), nowSOf(clock))
  return callbacks.send(to, { event: 'suite_ticket', text })
}

/** Throws `BadInput` for a message that makes no sense, or an app without a callback. */
export function sendMessage({ directory, clock, callbacks }: Parts, spec: unknown): Delivery {
  const message = readMessage(Input.from(spec, 'a message'))
  const grantee = granteeOf(directory.accounts, message)
  const to =
    dataDestination(directory.accounts, grantee) ?? refuse(`the app of ${grantee.corpId} has no callback`)
  const { type: event, mediaId } = message
  const facts = { msgId: randomInt(2 ** 47), nowS: nowSOf(clock) }
  const text = userMessage(message, { corpId: grantee.corpId, agentId: to.agentId }, facts)
  return callbacks.send(to, { event, text, mediaId })
}

/** As the console does when a callback is saved; of a suite both URLs. Throws `BadInput` without a callback. */
export async function checkCallback(
  { directory, clock, callbacks }: Parts,
  to: Addressee,
): Promise<CallbackCheck> {
  const [first, second] = checkedDestinations(directory.accounts, to)
  if (!first) return refuse('what is to be checked has no callback')
  const nowS = nowSOf(clock)
  const check = await checkOne(callbacks, first, nowS)
  return check.ok && second ? checkOne(callbacks, second, nowS) : check
}

async function checkOne(callbacks: CallbackSender, to: Destination, nowS: number): Promise<CallbackCheck> {
  const echo = `${randomBytes(8).readBigUInt64BE()}`
  const url = checkUrl(to, encryptFor(to, echo), nowS)
  const { status, body, error, ms } = await callbacks.get(url)
  const isEchoed = status === 200 && body === echo
  return { ok: isEchoed, url, ms, ...(error === undefined ? { status, body } : { error }) }
}

function checkedDestinations(accounts: Accounts, to: Addressee): readonly Destination[] {
  if (to.suiteId !== undefined) return suiteChecks(suiteOf(accounts, to.suiteId))
  const destination = dataDestination(accounts, granteeOf(accounts, to))
  return destination ? [destination] : []
}

const suiteOf = ({ suites }: Accounts, suiteId: string): Suite =>
  suites.find(suite => suite.suiteId === suiteId) ?? refuse(`there is no suite ${suiteId}`)

function granteeOf({ apps, tenants }: Accounts, { corpId, agent, secret, suiteId }: Addressee): Grantee {
  const fits = (value: string | undefined, wanted: string | undefined): boolean =>
    wanted === undefined || value === wanted
  const isMeant = (each: Grantee): boolean => fits(each.corpId, corpId) && fits(each.agent, agent)
  const found =
    suiteId === undefined
      ? apps.find(app => isMeant(app) && fits(app.secret, secret))
      : tenants.find(tenant => isMeant(tenant) && tenant.suiteId === suiteId)
  return found ?? refuse(`there is no such app, or tenant of a suite`)
}

function readMessage(input: Input): MessageSpec {
  const message = {
    type: input.choice('type', messageTypes),
    mediaId: input.text('mediaId'),
    fromUser: input.textIfAny('fromUser'),
    format: input.textIfAny('format'),
    thumbMediaId: input.textIfAny('thumbMediaId'),
    picUrl: input.textIfAny('picUrl'),
    ...readAddressee(input),
  }
  input.end()
  return message
}

export const readAddressee = (input: Input): Addressee => ({
  corpId: input.textIfAny('corpId'),
  agent: input.textIfAny('agent'),
  secret: input.textIfAny('secret'),
  suiteId: input.textIfAny('suiteId'),
})

function refuse(why: string): never {
  throw new BadInput(`a callback: ${why}`)
}
