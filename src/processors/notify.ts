/** media.notify: somebody is told that a job has ended. At least once: the message of one end has one id, however often it comes. */

import { Fault } from '../fault.ts'
import { jobs } from '../queues/jobs.ts'
import { isEnd } from '../record/index.ts'
import type { Processor } from './context.ts'
import { done } from './outcome.ts'

const { attempts } = jobs['media.notify']

export const notify: Processor<'media.notify'> = async ({ app, job, end }, context, { webhooks }) => {
  const record = await webhooks.read(job)
  if (!record) throw new Fault('not-found', `the job ${job} is not known any more: nobody can be told of it`)
  // Asked for again meanwhile: what it came to before is not what it shows.
  if (!isEnd(record.state) || record.fence !== end) return done({ as: 'superseded' as const })
  const { id, signal, attemptsMade } = context
  const isLast = attemptsMade + 1 >= attempts
  const { status } = await webhooks.deliver({ id, record, app, signal, attemptsMade, isLast })
  return done({ as: 'delivered' as const, status })
}
