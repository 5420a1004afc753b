/** Looking for a media_id before bytes are sent: by what they are, or by the name that they are kept alive under. */

import { z } from 'zod'
import { Fault } from '../fault.ts'
import type { Entry } from '../ledger/index.ts'
import { demandApp, type JobParts } from './jobs.ts'
import { type Operation, operation } from './operation.ts'

const App = z.string().default('default').describe('Default `default`.')
const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
  .describe('Of the bytes, hex.')
const types = ['image', 'voice', 'video', 'file', 'permanent-image'] as const

const Wanted = z.object({
  app: App,
  type: z.enum(types).describe('`permanent-image`: the URL of media.upload-image.'),
  sha256: Sha256,
  name: z.string().optional().describe('Of a `file`, which is known by its name, too.'),
  attachment: z.enum(['moments', 'product-album', 'cashier']).optional().describe('As it was uploaded.'),
})

export type Wanted = z.output<typeof Wanted>

export interface MediaParts extends JobParts {
  /** What is known of these bytes, whatever is left of its life. */
  readonly lookUp: (wanted: Wanted) => Promise<Entry | undefined>
  readonly nowMs: () => number
}

const Medium = z
  .object({
    mediaId: z.string().optional(),
    url: z.string().describe('Of a permanent image.').optional(),
    createdAtMs: z.int(),
    expiresAtMs: z.int().describe('Absent for what lives for ever.').optional(),
    sizeBytes: z.int(),
    job: z.string().describe('The one that brought it.'),
  })
  .meta({ title: 'Medium' })

const Kept = z
  .record(z.string(), z.unknown())
  .describe('`state`, `mediaId`, `expiresAtMs`, `leftMs`, `untilMs`, and why renewals fail, if they do.')
  .meta({ title: 'KeptMedium' })

const Named = z.object({ name: z.string().describe('As `keepAlive.name` of the upload.') })

export const mediaOperations = (parts: MediaParts): Operation[] => [
  lookUp(parts),
  keptNames(parts),
  kept(parts),
  letGo(parts),
]

const lookUp = ({ isApp, lookUp, nowMs }: MediaParts): Operation =>
  operation({
    ...{ id: 'get-media', verb: 'GET', path: '/v1/media', right: 'read', query: Wanted },
    summary: 'The media_id or URL that is at hand for these bytes.',
    answers: {
      200: { description: 'Uploading them would give this answer.', schema: Medium },
      404: { description: 'Nothing is at hand, or what was has expired.' },
    },
    async handle({ caller, query }) {
      demandApp(caller, query.app, isApp)
      if (query.type === 'file' && query.name === undefined)
        throw new Fault('invalid', 'the query: a file is known by its name, too: add name')
      const entry = await lookUp(query)
      if (!entry || (entry.expiresAtMs ?? Number.POSITIVE_INFINITY) <= nowMs())
        throw new Fault('not-found', 'nothing is at hand for these bytes: upload them')
      const { value, ...rest } = entry
      return { status: 200, body: { [query.type === 'permanent-image' ? 'url' : 'mediaId']: value, ...rest } }
    },
  })

const keptNames = ({ isApp, producer }: MediaParts): Operation =>
  operation({
    ...{ id: 'get-kept-names', verb: 'GET', path: '/v1/media/kept', right: 'read' },
    query: z.object({ app: App }),
    summary: 'All names of an app that are kept alive, and those that ended lately.',
    answers: { 200: { description: 'By name.', schema: z.object({ kept: z.array(Kept) }) } },
    async handle({ caller, query: { app } }) {
      demandApp(caller, app, isApp)
      return { status: 200, body: { kept: await producer.keptNames({ app }) } }
    },
  })

const kept = ({ isApp, producer }: MediaParts): Operation =>
  operation({
    ...{ id: 'get-kept', verb: 'GET', path: '/v1/media/kept/:name', right: 'read', params: Named },
    query: z.object({ app: App }),
    summary: 'The media_id that is kept alive under a name. Look at `state` before use.',
    answers: { 200: { description: 'As it is now.', schema: Kept } },
    async handle({ caller, params: { name }, query: { app } }) {
      demandApp(caller, app, isApp)
      const found = await producer.kept({ app, name })
      if (found) return { status: 200, body: found }
      throw new Fault('not-found', 'nothing is kept alive under this name: upload with keepAlive')
    },
  })

const letGo = ({ isApp, producer }: MediaParts): Operation =>
  operation({
    ...{ id: 'let-go', verb: 'DELETE', path: '/v1/media/kept/:name', right: 'write', params: Named },
    query: z.object({ app: App }),
    summary: 'End keeping alive; the media_id lives to its own end.',
    answers: { 200: { description: 'It is not renewed any more.', schema: Kept } },
    async handle({ caller, params: { name }, query: { app } }) {
      demandApp(caller, app, isApp)
      if (await producer.letGo({ app, name }))
        return { status: 200, body: (await producer.kept({ app, name })) ?? {} }
      throw new Fault('not-found', 'nothing is kept alive under this name')
    },
  })
