/** A job as the HTTP API shows it: what its record says, without the payload and the steps. */

import { z } from 'zod'
import { kinds } from '../fault.ts'
import type { JobName } from '../queues/jobs.ts'
import type { JobRecord } from '../record/index.ts'

const FaultView = z.object({ kind: z.enum(kinds), message: z.string(), errcode: z.int().optional() })

const states = ['queued', 'running', 'waiting', 'done', 'failed', 'cancelled'] as const

export const JobView = z
  .object({
    id: z.string(),
    name: z.string(),
    app: z.string(),
    state: z.enum(states),
    createdAtMs: z.int().describe('When it was accepted, ms since 1970.'),
    deadlineAtMs: z.int().describe('It ends by then, whatever happens.'),
    endedAtMs: z.int().optional(),
    attempts: z.int().describe('Attempts that have begun.'),
    calls: z.int().describe('Calls to the platform, all attempts together.'),
    duplicates: z.int().describe('Results that came after the first; they are never shown.'),
    progress: z.unknown().describe('Of the attempt under way: `doneBytes`, `totalBytes`.').optional(),
    waiting: z
      .object({ untilMs: z.int().describe('Earliest time of the next attempt.'), why: FaultView })
      .optional(),
    lastFault: FaultView.describe('Why the last attempt failed that is tried again.').optional(),
    result: z.unknown().describe('When `done`: as in the schemas of the jobs.').optional(),
    fault: FaultView.describe('When `failed` or `cancelled`.').optional(),
    file: z.string().describe('Where its bytes are, when it is a finished download.').optional(),
  })
  .meta({ title: 'Job' })

export type JobView = z.output<typeof JobView>

export const jobPath = (id: string): string => `/v1/jobs/${id}`

/** Whose job it is; foreign producers may leave the default out. Undefined for a payload that is none. */
export function appOf({ payload }: JobRecord): string | undefined {
  const found: unknown = JSON.parse(payload)
  if (typeof found !== 'object' || found === null) return undefined
  const { app = 'default' } = found as { readonly app?: unknown }
  return typeof app === 'string' ? app : undefined
}

/** The result has a file in the shared folder. */
export const fileOf = ({ state, name, result }: JobRecord): string | undefined => {
  const withFile: readonly JobName[] = ['media.download', 'media.article']
  if (state !== 'done' || !(withFile as readonly string[]).includes(name)) return undefined
  const path = (result as { readonly path?: unknown } | null)?.path
  return typeof path === 'string' ? path : undefined
}

export function viewOf(record: JobRecord): JobView {
  const { id, name, state, createdAtMs, deadlineAtMs, endedAtMs, fence, calls, duplicates } = record
  const { progress, waiting, lastFault, result, fault } = record
  return {
    ...{ id, name, app: appOf(record) ?? '', state, createdAtMs, deadlineAtMs },
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...{ attempts: fence, calls, duplicates },
    ...(progress !== undefined && state === 'running' && { progress }),
    ...(waiting && state === 'waiting' && { waiting }),
    ...(lastFault && { lastFault }),
    ...(result !== undefined && { result }),
    ...(fault && { fault }),
    ...(fileOf(record) !== undefined && { file: `${jobPath(id)}/file` }),
  }
}
