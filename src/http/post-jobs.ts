/** A route for each job: its payload as JSON; where it reads a file, also the bytes themselves. */

import type { FastifyRequest } from 'fastify'
import { Fault } from '../fault.ts'
import { jobs } from '../queues/jobs.ts'
import { type BodyParts, bodyTaker, fieldsOf, takesBody } from './body.ts'
import { Again, handedOver, handOver, KeyHeader, type PublicJob, publicJobs } from './jobs.ts'
import { type Operation, operation } from './operation.ts'

export function postJobs(parts: BodyParts): Operation[] {
  const takeBody = bodyTaker(parts)
  return (Object.keys(publicJobs) as PublicJob[]).map(job => {
    const row = rowOf(job)
    if (!takesBody(job))
      return operation({
        ...{ ...row, query: Again },
        handle: asked => handOver(parts, job, asked, { body: asked.request.body }),
      })
    return operation({
      ...{ ...row, query: Again.extend(fieldsOf(job).shape), file: fieldsOf(job) },
      handle(asked) {
        if (!isJson(asked.request)) return takeBody(job, asked)
        refuseBeside(asked.query)
        return handOver(parts, job, asked, { body: withoutSpool(asked.request.body) })
      },
    })
  })
}

const rowOf = (job: PublicJob) => ({
  ...({ id: `post-${job}`, verb: 'POST', path: `/v1/jobs/${job}`, right: 'write' } as const),
  summary: `Queue a ${publicJobs[job].name}.`,
  ...{ headers: KeyHeader, body: jobs[publicJobs[job].name].payload, answers: handedOver },
})

const isJson = ({ headers }: FastifyRequest): boolean =>
  /^application\/json\b/i.test(headers['content-type'] ?? '')

/** Two places for one field are one too many. */
function refuseBeside({ again: _again, ...fields }: Readonly<Record<string, unknown>>): void {
  const beside = Object.keys(fields).filter(name => fields[name] !== undefined)
  if (beside.length > 0)
    throw new Fault('invalid', `the payload is JSON: put ${beside.join(', ')} into it, not into the query`)
}

/** A reference to a spooled body is ours to make: it would be a way to bytes of others. */
function withoutSpool(body: unknown): unknown {
  const { source } = (body ?? {}) as { readonly source?: { readonly spooled?: unknown } | null }
  if (source?.spooled === undefined) return body
  throw new Fault('invalid', 'source is { "path": … } or { "url": … }; send the bytes themselves as the body')
}
