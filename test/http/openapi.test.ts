/** The document of the HTTP API against what is served. */

import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type ApiDeployment, deployApi } from './api.ts'

let api: ApiDeployment
let document: { readonly [part: string]: unknown }
beforeAll(async () => {
  api = await deployApi()
  document = (await (await fetch(`${api.url}/v1/openapi.json`)).json()) as typeof document
})

/** What OpenAPI 3.1 demands of the parts that we use. */
const Schema = z.union([z.record(z.string(), z.unknown()), z.boolean()])
const Content = z.record(z.string().regex(/^[\w.+-]+\/[\w.+*-]+$/), z.strictObject({ schema: Schema }))
const Entry = z.strictObject({
  operationId: z.string().regex(/^[a-z-]+$/),
  summary: z.string().min(1),
  parameters: z.array(
    z.strictObject({
      name: z.string(),
      in: z.enum(['path', 'query', 'header']),
      required: z.boolean(),
      description: z.string().optional(),
      schema: Schema,
    }),
  ),
  requestBody: z.strictObject({ required: z.literal(true), content: Content }).optional(),
  responses: z.record(
    z.string().regex(/^[2-5]\d\d$/),
    z.strictObject({ description: z.string().min(1), content: Content.optional() }),
  ),
})
const OpenApi = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  servers: z.array(z.strictObject({ url: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(
    z.string().startsWith('/v1/'),
    z.partialRecord(z.enum(['get', 'head', 'post', 'delete']), Entry),
  ),
  components: z.strictObject({
    securitySchemes: z.record(z.string(), z.looseObject({ type: z.string() })),
    schemas: z.record(z.string(), Schema),
  }),
})

const entries = () =>
  Object.entries(OpenApi.parse(document).paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, entry]) => ({
      verb: verb.toUpperCase(),
      path,
      entry: entry as z.output<typeof Entry>,
    })),
  )

describe('the document', () => {
  test('is OpenAPI 3.1, names each path parameter, and every reference leads somewhere', () => {
    const all = entries()
    expect(all.length).toBeGreaterThan(12)
    expect(new Set(all.map(({ entry }) => entry.operationId)).size).toBe(all.length)
    for (const { path, entry } of all) {
      const named = entry.parameters.filter(one => one.in === 'path').map(({ name }) => `{${name}}`)
      expect(path.match(/\{\w+\}/g) ?? []).toEqual(named)
    }
    const text = JSON.stringify(document)
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([\w.-]+)"/g))
      expect(Object.keys((document['components'] as { schemas: object }).schemas)).toContain(name)
    expect(text).not.toContain('spooled')
    for (const { schema } of entries().flatMap(({ entry }) =>
      Object.values(entry.requestBody?.content ?? {}),
    ))
      expect(schema).not.toHaveProperty('$schema')
  })

  test('has every route that is served: each answers, and its neighbours do not', async () => {
    for (const { verb, path } of entries()) {
      const url = `${api.url}${path.replace(/\{\w+\}/g, 'x')}`
      const { status } = await fetch(url, { method: verb })
      expect([verb, path, status]).toEqual([verb, path, 401])
    }
    for (const path of ['/v1/jobs', '/v1/media/x', '/v1/limits/x'])
      expect((await api.shop.call('GET', path)).status).toBe(404)
  })

  test('describes answers as they are', async () => {
    const { body } = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'unknown' })
    const job = await api.shop.call('GET', `${body.url}?wait=15`)
    const schemaOf = (path: string, verb: string, status: string) =>
      z.fromJSONSchema(
        entries().find(one => one.path === path && one.verb === verb)?.entry.responses[status]?.content?.[
          'application/json'
        ]?.schema as never,
      )
    expect(schemaOf('/v1/jobs/download', 'POST', '202').safeParse(body).success).toBe(true)
    expect(schemaOf('/v1/jobs/{id}', 'GET', '200').safeParse(job.body).error).toBeUndefined()
    const problem = await api.shop.call('GET', '/v1/jobs/none')
    const { schemas } = document['components'] as { schemas: Record<string, never> }
    expect(z.fromJSONSchema(schemas['Problem'] as never).safeParse(problem.body).error).toBeUndefined()
  })

  test.each([
    ['download', { mediaId: 'a', app: 'default' }, { mediaId: '' }],
    ['upload', { type: 'image', source: { path: 'a.jpg' } }, { type: 'image', source: { spooled: 'x' } }],
    ['async-upload', { type: 'video', url: 'https://a.example/v.mp4', name: 'v.mp4' }, { type: 'image' }],
    ['article', { html: '<p>' }, { html: 1 }],
  ])('says what %s takes', (job, good, bad) => {
    const entry = entries().find(({ path }) => path === `/v1/jobs/${job}`)?.entry
    const schema = z.fromJSONSchema(entry?.requestBody?.content['application/json']?.schema as never)
    expect(schema.safeParse(good).error).toBeUndefined()
    expect(schema.safeParse(bad).success).toBe(false)
  })
})

test('the page for people has every operation, no script, and fetches nothing', async () => {
  const answer = await fetch(`${api.url}/v1/docs`)
  const page = await answer.text()
  for (const { entry, path } of entries()) {
    expect(page).toContain(`id="${entry.operationId}"`)
    expect(page).toContain(`<code>${path}</code>`)
  }
  expect(page).not.toMatch(/<script|<link|<img|src=|https?:\/\/(?!json-schema)[^"<]*\.js/)
  expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/)
})
