/** The calls under way, each with its end, so that a stop or a reset leaves none behind. */

import type { Call } from './call.ts'
import { answer } from './exchange.ts'

export class UnderWay {
  readonly #ends = new Map<Call, Promise<void>>()

  answer(call: Call): void {
    this.#ends.set(
      call,
      answer(call).finally(() => this.#ends.delete(call)),
    )
  }

  cut(): void {
    for (const call of this.#ends.keys()) {
      if (call.entry.state !== 'done') call.note({ aborted: 'simulator' })
      call.request.socket.resetAndDestroy()
    }
  }

  async ended(): Promise<void> {
    await Promise.all(this.#ends.values())
  }
}
