/**
 * Sends callbacks as the platform does: three attempts, 200 alone counts as received. Each goes its own way beside the
 * others, so none waits for a slow receiver of another, and nothing here may outlive the simulator.
 */

import { systemClock } from '../clock.ts'
import { attempt } from './callback-attempt.ts'
import { type CallbackAct, type CallbackActName, CallbackFaults } from './callback-faults.ts'
import { type Attempt, type Delivery, DeliveryLog } from './callback-log.ts'
import { encryptFor, type Packet, packetOf } from './callback-packet.ts'
import type { Destination } from './callback-target.ts'
import { Holds } from './holds.ts'
import type { Switches } from './options.ts'
import { callbackAttempts } from './rules.ts'
import type { SettableClock } from './settable-clock.ts'

export interface Message {
  readonly event: string
  readonly text: string
  readonly jobId?: string | undefined
  readonly mediaId?: string | undefined
}

/** One delivery with what only its sending needs. */
interface Sending {
  readonly to: Destination
  readonly message: Message
  readonly acts: readonly CallbackAct[]
  readonly encrypted: string
  readonly entry: Delivery
}

export class CallbackSender {
  readonly faults = new CallbackFaults()
  readonly log = new DeliveryLog()
  readonly #switches: Switches
  readonly #clock: SettableClock
  readonly #holds = new Holds()
  readonly #running = new Set<Promise<void>>()
  #stopping = new AbortController()

  constructor(switches: Switches, clock: SettableClock) {
    this.#switches = switches
    this.#clock = clock
  }

  /** Answers at once; the delivery goes on by itself. */
  send(to: Destination, message: Message): Delivery {
    const acts = this.faults.due({ ...message, corp: to.corp, suiteId: to.suiteId })
    const wrong = find(acts, 'wrong-receiver')
    const reader = wrong ? { ...to, receiveId: wrong.receiveId ?? 'ww_somebody_else' } : to
    const entry = this.#begin({ to: reader, message, acts, encrypted: encryptFor(reader, message.text) })
    return { ...entry }
  }

  /** The check of a URL: one attempt, not in the log. Rejects when the simulator stops. */
  get(url: string): Promise<Attempt> {
    return attempt({ url, timeoutMs: this.#switches.callbackCheckTimeoutMs }, this.#stopping.signal)
  }

  /** Lets one held delivery go, or all; answers how many. */
  release(deliveryId?: number): number {
    return this.#holds.release(deliveryId)
  }

  /** Ends what is under way, and waits for it. */
  async abort(): Promise<void> {
    this.#stopping.abort()
    while (this.#running.size > 0) await Promise.all(this.#running)
    this.#stopping = new AbortController()
  }

  /** Forgets the deliveries and the script. */
  clear(): void {
    this.log.clear()
    this.faults.clear()
  }

  #begin(facts: Omit<Sending, 'entry'>, copyOf?: number, again?: Packet): Delivery {
    const { to, message, acts, encrypted } = facts
    const garbled = find(acts, 'garble') !== undefined
    const packet = again ?? packetOf(to, encrypted, { nowS: this.#nowS(), garbled })
    const { text, ...about } = message
    const entry = this.log.open({
      ...about,
      corp: to.corp,
      suiteId: to.suiteId,
      ...(copyOf === undefined ? {} : { copyOf }),
      ...(acts.length === 0 ? {} : { fault: acts.map(act => act.do).join('+') }),
      ...packet,
      message: text,
      atMs: systemClock.nowMs(),
      simulatorAtMs: this.#clock.nowMs(),
    })
    const running = this.#run({ ...facts, entry }).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return entry
  }

  /** Never rejects. */
  async #run(sending: Sending): Promise<void> {
    const { signal } = this.#stopping
    const { entry, acts } = sending
    try {
      if (find(acts, 'drop')) return this.#end(entry, { outcome: 'dropped' })
      await this.#waitFor(sending, signal)
      const last = await this.#attempt(sending, signal)
      this.#copy(sending)
      this.#end(entry, endOf(last, sending.to))
    } catch (error) {
      const isStopped = signal.aborted
      this.#end(entry, isStopped ? { outcome: 'stopped' } : { outcome: 'failed', error: String(error) })
    }
  }

  #end(entry: Delivery, end: Pick<Delivery, 'outcome' | 'error'>): void {
    this.log.update(entry, { ...end, state: 'done', endedAtMs: systemClock.nowMs() })
  }

  async #waitFor({ entry, acts }: Sending, signal: AbortSignal): Promise<void> {
    const delay = find(acts, 'delay')
    if (delay) await systemClock.sleep(delay.ms, signal)
    if (find(acts, 'hold')) await this.#holds.hold(entry.id, signal)
    if (!find(acts, 'reorder')) return
    const { corp, suiteId, id: since } = entry
    const isPassed = (): boolean => this.log.list({ corp, suiteId, since, state: 'done' }).length > 0
    await this.log.until(isPassed, signal)
  }

  /** Until one is received, at most three times; answers the last attempt. */
  async #attempt({ entry }: Sending, signal: AbortSignal): Promise<Attempt> {
    const { callbackTimeoutMs: timeoutMs, callbackRetryGapMs } = this.#switches
    this.log.update(entry, { state: 'open' })
    for (;;) {
      const made = await attempt({ url: entry.url, body: entry.body, timeoutMs }, signal)
      this.log.update(entry, { attempts: [...entry.attempts, made] })
      if (made.status === 200 || entry.attempts.length === callbackAttempts) return made
      await systemClock.sleep(callbackRetryGapMs, signal)
    }
  }

  #copy(sending: Sending): void {
    const { acts, entry, to, message } = sending
    const [duplicate, resigned] = [find(acts, 'duplicate'), find(acts, 're-sign')]
    const bare = { to, message, acts: [] }
    for (let copy = 0; copy < copiesOf(duplicate); copy += 1) {
      this.#begin({ ...bare, encrypted: sending.encrypted }, entry.id, { url: entry.url, body: entry.body })
    }
    for (let copy = 0; copy < copiesOf(resigned); copy += 1) {
      const isSame = resigned?.reencrypt === false
      this.#begin({ ...bare, encrypted: isSame ? sending.encrypted : encryptFor(to, message.text) }, entry.id)
    }
  }

  #nowS(): number {
    return Math.floor(this.#clock.nowMs() / 1000)
  }
}

type ActOf<Name extends CallbackActName> = Extract<CallbackAct, { do: Name }>

const find = <Name extends CallbackActName>(
  acts: readonly CallbackAct[],
  name: Name,
): ActOf<Name> | undefined => acts.find((act): act is ActOf<Name> => act.do === name)

const copiesOf = (act: { readonly copies?: number | undefined } | undefined): number =>
  act ? (act.copies ?? 1) : 0

function endOf({ status, body }: Attempt, to: Destination): Pick<Delivery, 'outcome' | 'error'> {
  if (status !== 200) return { outcome: 'failed' }
  const isWrong = to.isCommand && body !== 'success'
  return isWrong
    ? { outcome: 'received', error: `answered ${JSON.stringify(body?.slice(0, 200))}, not "success"` }
    : { outcome: 'received' }
}
