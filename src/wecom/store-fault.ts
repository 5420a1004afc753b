/** What goes wrong with Redis, as a fault without the command: an error of ioredis holds its arguments, tokens among them. */

import { Fault } from '../fault.ts'
import { reduced } from './errors.ts'

/** The reply, or `transient`: nothing was sent to the platform then. */
export async function safely<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    const word = error instanceof Error ? /^[A-Z]{3,20}\b/.exec(error.message)?.[0] : undefined
    const act = 'nothing was sent to the platform: check Redis'
    const message = `the token store cannot use Redis (${word ?? reduced(error).name}); ${act}`
    throw new Fault('transient', message, { cause: reduced(error) })
  }
}
