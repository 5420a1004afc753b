/** What a job asks for, read from BullMQ's job before anything in it is trusted. */

import { Fault } from '../fault.ts'
import { recordId } from '../queues/identity.ts'
import { deadlineMaxMs, isJobName, isWebhook, jobs, publicJobs } from '../queues/jobs.ts'
import { fingerprintOf, isOversized } from '../queues/parse.ts'
import type { Request } from '../record/index.ts'

export interface QueuedJob {
  readonly id?: string | undefined
  readonly name: string
  readonly queueName: string
  readonly data: unknown
}

export function requestOf({ id = '', name, queueName: queue, data }: QueuedJob): Request {
  const json = JSON.stringify(data) ?? 'null'
  const webhook = (data as { readonly webhook?: unknown } | null)?.webhook
  const usual = isJobName(name) ? jobs[name].deadlineMs : jobs['media.upload'].deadlineMs
  return {
    id: recordId(queue, id),
    name,
    queue,
    // Too much to keep for two weeks, and it will be refused.
    payload: isOversized(json) ? 'null' : json,
    fingerprint: fingerprintOf(name, json),
    deadlineMs: deadlineIn(data) ?? usual,
    // Told even of a payload that is not valid otherwise.
    ...(isWebhook(webhook) && name !== 'media.notify' && { webhook }),
  }
}

/** Not parsed yet: a foreign producer's nonsense must not look like a deadline that has passed. */
function deadlineIn(data: unknown): number | undefined {
  const asked = Number((data as { readonly deadlineMs?: unknown } | null)?.deadlineMs)
  return Number.isInteger(asked) && asked >= 1_000 && asked <= deadlineMaxMs ? asked : undefined
}

export const conflictOf = (id: string): string =>
  `another request has the id ${id} (its data was changed, or a producer used the id again): queue it with an id of its own`

export const unknownName = (name: string): Fault =>
  new Fault('invalid', `no job is called ${name.slice(0, 64)}: known are ${publicJobs.join(', ')}`)

/** For reports, of a payload that nobody has checked yet. */
export function appOf({ data }: Pick<QueuedJob, 'data'>): { readonly app?: string } {
  const app = (data as { readonly app?: unknown } | null | undefined)?.app
  return typeof app === 'string' && /^[\w-]{1,64}$/.test(app) ? { app } : {}
}

/** Whether any of its sources is the body of an HTTP request; nobody has checked the payload yet. */
export const hasBody = ({ data }: Pick<QueuedJob, 'data'>): boolean =>
  Object.values(data ?? {}).some(value => Object(value).spooled !== undefined)
