/** The control API's actions about what goes on by itself: callbacks, and asynchronous uploads. */

import { type MessageSpec, readAddressee } from './callback-events.ts'
import type { CallbackFaultSpec } from './callback-faults.ts'
import { readDeliveryFilter } from './callback-log.ts'
import type { Action } from './control/api.ts'
import { BadInput } from './control/input.ts'

export const callbackActions: Readonly<Record<string, (action: Action) => unknown>> = {
  'GET callbacks': ({ simulator, input }) => {
    const filter = readDeliveryFilter(input)
    input.end()
    return { deliveries: simulator.deliveries(filter) }
  },
  'GET callbacks/wait': async ({ simulator, input, signal }) => {
    const filter = readDeliveryFilter(input)
    const options = {
      count: input.integerIfAny('count', 1),
      timeoutMs: input.integerIfAny('timeoutMs', 0, 600_000),
      signal,
    }
    input.end()
    return { deliveries: await simulator.waitForDelivery(filter, options) }
  },
  'POST callbacks/release': ({ simulator, input }) => {
    const deliveryId = input.integerIfAny('deliveryId', 1)
    input.end()
    return { released: simulator.releaseDeliveries(deliveryId) }
  },
  'POST callbacks/verify': ({ simulator, input }) => {
    const to = readAddressee(input)
    input.end()
    return simulator.verifyCallback(to)
  },
  'POST callbacks/ticket': ({ simulator, input }) => {
    const suiteId = input.text('suiteId')
    input.end()
    return simulator.pushTicket(suiteId)
  },
  'POST callbacks/message': ({ simulator, value }) => simulator.sendMessage(value as MessageSpec),
  'GET callback-faults': ({ simulator }) => ({ faults: simulator.callbackFaults.list() }),
  'POST callback-faults': ({ simulator, value }) => simulator.callbackFaults.add(value as CallbackFaultSpec),
  'DELETE callback-faults': ({ simulator, input }) => {
    const id = input.textIfAny('id')
    input.end()
    if (id === undefined) simulator.callbackFaults.clear()
    else if (!simulator.callbackFaults.remove(id)) {
      throw new BadInput(`a callback fault: there is none with id ${id}`)
    }
    return {}
  },
  'GET jobs': ({ simulator }) => ({ jobs: simulator.jobs() }),
  'POST jobs/finish': async ({ simulator, input }) => {
    const jobId = input.textIfAny('jobId')
    input.end()
    return { finished: await simulator.finishJobs(jobId) }
  },
}
