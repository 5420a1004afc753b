/** An answer of the platform that says no, thrown by routes; the exchange turns it into JSON with HTTP 200. */

import type { Switches } from './options.ts'
import { credentialCodes, type RefusalName, refusalCodes, texts } from './rules.ts'

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly errcode: number

  constructor(errcode: number, text = texts[errcode] ?? 'simulated error') {
    super(text)
    this.errcode = errcode
  }
}

/** The refusal for a mistake whose code is only assumed. */
export const refusalFor = (name: RefusalName, switches: Switches): Refusal =>
  new Refusal(switches.errcodes[name] ?? { ...refusalCodes, ...credentialCodes }[name])
