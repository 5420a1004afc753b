/**
 * Faults of callbacks by script: "the next finished job is told of three times". Each counts the callbacks it is about
 * from the moment it was added; copies and repeated attempts are not counted. All that are due act together.
 */

import { Input } from './control/input.ts'

/** What happens to one callback. */
export type CallbackAct =
  /** It is never sent. */
  | { readonly do: 'drop' }
  /** Once it was received, or given up, the same bytes go out so many times more (default 1). */
  | { readonly do: 'duplicate'; readonly copies?: number | undefined }
  /**
   * As 'duplicate', but each copy is signed anew, with a time and nonce of its own. It is encrypted anew too, unless
   * `reencrypt` is false.
   */
  | { readonly do: 're-sign'; readonly copies?: number | undefined; readonly reencrypt?: boolean | undefined }
  /** It is sent so much later, in real time. */
  | { readonly do: 'delay'; readonly ms: number }
  /** It waits until a later one to the same app or suite was received or given up. */
  | { readonly do: 'reorder' }
  /** It waits until `releaseDeliveries`. */
  | { readonly do: 'hold' }
  /** Its signature is wrong. */
  | { readonly do: 'garble' }
  /** It is encrypted for somebody else (default 'ww_somebody_else'), and signed rightly. */
  | { readonly do: 'wrong-receiver'; readonly receiveId?: string | undefined }

export type CallbackActName = CallbackAct['do']

export type CallbackFaultSpec = {
  /** Such as `upload_media_job_finish`, `suite_ticket`, `voice`. Default: every callback. */
  readonly event?: string | undefined
  /** Only callbacks of this corp. */
  readonly corp?: string | undefined
  /** Only callbacks of this suite. */
  readonly suiteId?: string | undefined
  /** 1 or 'next' is the next such callback. Default 'next'. */
  readonly nth?: number | 'next' | undefined
  /** How many in a row. Default 1. */
  readonly times?: number | 'always' | undefined
} & CallbackAct

export interface ScriptedCallbackFault {
  readonly id: string
  readonly spec: CallbackFaultSpec
  /** Callbacks counted so far. */
  readonly seen: number
  /** Callbacks it acted on. */
  readonly acted: number
}

const mostCopies = 1000

/** One reader per act; the compiler asks for a new act's row. */
const actReaders: {
  readonly [Name in CallbackActName]: (input: Input) => Omit<Extract<CallbackAct, { do: Name }>, 'do'>
} = {
  drop: () => ({}),
  duplicate: input => ({ copies: input.integerIfAny('copies', 1, mostCopies) }),
  're-sign': input => ({
    copies: input.integerIfAny('copies', 1, mostCopies),
    reencrypt: input.flagIfAny('reencrypt'),
  }),
  delay: input => ({ ms: input.integer('ms', 0, 600_000) }),
  reorder: () => ({}),
  hold: () => ({}),
  garble: () => ({}),
  'wrong-receiver': input => ({ receiveId: input.textIfAny('receiveId') }),
}

function readFault(value: unknown): CallbackFaultSpec {
  const input = Input.from(value, 'a callback fault')
  const where = {
    event: input.textIfAny('event'),
    corp: input.textIfAny('corp'),
    suiteId: input.textIfAny('suiteId'),
    nth: input.is('nth', 'next') ? ('next' as const) : input.integerIfAny('nth', 1),
    times: input.is('times', 'always') ? ('always' as const) : input.integerIfAny('times', 1),
  }
  const name = input.choice('do', Object.keys(actReaders) as CallbackActName[])
  const act = { do: name, ...actReaders[name](input) } as CallbackAct
  input.end()
  return { ...where, ...act }
}

/** What a fault looks at. */
interface Counted {
  readonly event: string
  readonly corp?: string | undefined
  readonly suiteId?: string | undefined
}

/** The script. */
export class CallbackFaults {
  #faults: { -readonly [Key in keyof ScriptedCallbackFault]: ScriptedCallbackFault[Key] }[] = []
  #lastId = 0

  /** Throws `BadInput` for a fault that makes no sense. */
  add(spec: CallbackFaultSpec): ScriptedCallbackFault {
    this.#lastId += 1
    const fault = { id: `c${this.#lastId}`, spec: readFault(spec), seen: 0, acted: 0 }
    this.#faults.push(fault)
    return { ...fault }
  }

  list(): ScriptedCallbackFault[] {
    return this.#faults.map(fault => ({ ...fault }))
  }

  /** Answers whether there was such a fault. */
  remove(id: string): boolean {
    const before = this.#faults.length
    this.#faults = this.#faults.filter(fault => fault.id !== id)
    return this.#faults.length < before
  }

  clear(): void {
    this.#faults = []
  }

  /** Counts one callback and answers what is to be done to it. */
  due(callback: Counted): CallbackAct[] {
    const counting = this.#faults.filter(({ spec }) => isAbout(spec, callback))
    for (const fault of counting) fault.seen += 1
    const due = counting.filter(({ spec, seen }) => isDue(spec, seen))
    for (const fault of due) fault.acted += 1
    return due.map(fault => fault.spec)
  }
}

const isAbout = ({ event, corp, suiteId }: CallbackFaultSpec, callback: Counted): boolean =>
  (event === undefined || event === callback.event) &&
  (corp === undefined || corp === callback.corp) &&
  (suiteId === undefined || suiteId === callback.suiteId)

function isDue({ nth = 'next', times = 1 }: CallbackFaultSpec, seen: number): boolean {
  const first = nth === 'next' ? 1 : nth
  return seen >= first && (times === 'always' || seen < first + times)
}
