/** What is left of limits and quotas, for the companies of a token's apps. */

import { z } from 'zod'
import { Fault } from '../fault.ts'
import { demandApp, type JobParts } from './jobs.ts'
import { type Operation, operation } from './operation.ts'

export interface LimitParts extends JobParts {
  /** Ids of all apps. */
  readonly apps: readonly string[]
  /** As `wecom-media limits` prints them. */
  readonly limitsOf: (apps: readonly string[]) => Promise<object>
}

/** Each company is a question to Redis for each method. */
const appsMax = 50

const Limits = z
  .object({
    limits: z
      .array(z.unknown())
      .describe('One for each company and method: buckets, penalty, quota, calls at once.'),
    closedApps: z.array(z.unknown()).describe('Apps that the platform refuses now, and why.'),
  })
  .meta({ title: 'Limits' })

export const readLimits = (parts: LimitParts): Operation =>
  operation({
    ...{ id: 'get-limits', verb: 'GET', path: '/v1/limits', right: 'read' },
    query: z.object({ app: z.string().optional().describe('Only of this app; default: all of the token.') }),
    summary: 'What is left of every limit and quota, what is closed and until when.',
    answers: { 200: { description: 'As it stands for the whole fleet.', schema: Limits } },
    async handle({ caller, query: { app } }) {
      if (app !== undefined) demandApp(caller, app, parts.isApp)
      const apps = app === undefined ? parts.apps.filter(id => caller.mayUse(id)) : [app]
      if (apps.length > appsMax)
        throw new Fault('invalid', `the token is for ${apps.length} apps: name one of them as app`)
      return { status: 200, body: await parts.limitsOf(apps) }
    },
  })
