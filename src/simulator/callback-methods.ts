/** The methods of `Simulator` about what goes on by itself: callbacks, and asynchronous uploads. */

import type { AsyncJob } from './async-jobs.ts'
import {
  type Addressee,
  type CallbackCheck,
  checkCallback,
  type MessageSpec,
  pushTicket,
  sendMessage,
} from './callback-events.ts'
import type { CallbackFaults } from './callback-faults.ts'
import type { Delivery, DeliveryFilter } from './callback-log.ts'
import type { WaitOptions } from './log.ts'
import type { State } from './state.ts'

export class CallbackMethods {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** The script for callbacks; see `CallbackAct`. */
  get callbackFaults(): CallbackFaults {
    return this.#state.callbacks.faults
  }

  /** Callbacks, oldest first, with what became of them. */
  deliveries(filter?: DeliveryFilter): Delivery[] {
    return this.#state.callbacks.log.list(filter)
  }

  /**
   * The matching callbacks, as soon as there are `count`; rejects after `timeoutMs` (default 10 000). They must be
   * 'done', unless the filter names another state.
   */
  waitForDelivery(filter: DeliveryFilter, options: WaitOptions = {}): Promise<Delivery[]> {
    return this.#state.callbacks.log.wait({ ...filter, state: filter.state ?? 'done' }, options)
  }

  /** Lets one callback go that a fault of act 'hold' keeps, or all; answers how many. */
  releaseDeliveries(deliveryId?: number): number {
    return this.#state.callbacks.release(deliveryId)
  }

  /** Checks a callback's URL, as the console does when it is saved. Throws `BadInput` without a callback. */
  verifyCallback(to: Addressee = {}): Promise<CallbackCheck> {
    return checkCallback(this.#state, to)
  }

  /** Issues a ticket and sends it to its suite. Throws `BadInput` for an unknown suite, or one without a callback. */
  pushTicket(suiteId: string): Delivery {
    return pushTicket(this.#state, suiteId)
  }

  /** An image, voice or video that a user sends to an app. Throws `BadInput` for an app without a callback. */
  sendMessage(message: MessageSpec): Delivery {
    return sendMessage(this.#state, message)
  }

  /** Every asynchronous upload, oldest first, expired ones too. */
  jobs(): AsyncJob[] {
    return this.#state.jobs.list()
  }

  /** Waits for the download of one running job, or of all, and lets its end show; answers how many. */
  finishJobs(jobId?: string): Promise<number> {
    return this.#state.jobs.finish(jobId)
  }
}
