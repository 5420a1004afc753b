/** The OpenAPI 3.1 document, made from the operations that are served and the schemas that they check with. */

import { z } from 'zod'
import { jobs } from '../queues/jobs.ts'
import type { AnswerRow, Operation } from './operation.ts'
import { Problem, problemType } from './problem.ts'

type Json = Record<string, unknown>

/** Of every operation: what the door, the caps and Redis may answer. */
const refusals: Readonly<Record<number, AnswerRow>> = {
  400: { description: 'Path, query or body are not what they must be.' },
  401: { description: 'No token, or one that nobody knows.' },
  403: { description: 'The token is not for this app, or has not the right.' },
  404: { description: 'Not there, or of an app of others.' },
  413: { description: 'The body is too large.' },
  415: { description: 'A content type that is not taken here.' },
  429: { description: 'Too many requests of this token. `Retry-After` says when.' },
  503: { description: 'Redis does not answer, or there is no room now. `Retry-After` says when.' },
}

export function openApiOf(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Json> = {}
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.verb.toLowerCase()]: entryOf(operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'wecom-media',
      version,
      description:
        'Uploads and downloads of WeCom (企业微信) media as jobs, within the limits of the platform.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(Problem), ...results() },
    },
  }
}

/** What a job's `result` is when it is done. */
const results = (): Json =>
  Object.fromEntries(
    Object.entries(jobs)
      .filter(([name]) => name.startsWith('media.'))
      .map(([name, { result }]) => [`${name}.result`, schemaOf(result)]),
  )

function entryOf({ id, summary, body, file, params, query, headers, answers }: Operation): Json {
  const all = { ...refusals, ...answers }
  return {
    operationId: id,
    summary,
    parameters: [
      ...parametersOf(params, 'path'),
      ...parametersOf(query, 'query'),
      ...parametersOf(headers, 'header'),
    ],
    ...(body && { requestBody: { required: true, content: contentOf(body, file) } }),
    responses: Object.fromEntries(
      Object.entries(all).map(([status, row]) => [status, responseOf(row, Number(status))]),
    ),
  }
}

function contentOf(body: z.ZodType, file: z.ZodObject | undefined): Json {
  const json = { 'application/json': { schema: schemaOf(body, 'input') } }
  if (!file) return json
  const fields = schemaOf(file, 'input')
  const properties = { ...(fields['properties'] as Json), media: { type: 'string', format: 'binary' } }
  return {
    ...json,
    'multipart/form-data': { schema: { type: 'object', properties, required: ['media'] } },
    'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
  }
}

function parametersOf(schema: z.ZodObject | undefined, where: string): Json[] {
  if (!schema) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    ...{ name, in: where, required: where === 'path' || required.includes(name), schema: rest },
    ...(description !== undefined && description !== '' && { description }),
  }))
}

function responseOf({ description, schema, contentType }: AnswerRow, status: number): Json {
  if (status >= 400 && status !== 416)
    return {
      description,
      content: { [problemType.split(';', 1)[0] ?? '']: { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  if (contentType !== undefined)
    return { description, content: { [contentType]: { schema: { type: 'string', format: 'binary' } } } }
  return { description, ...(schema && { content: { 'application/json': { schema: schemaOf(schema) } } }) }
}

/** Spooled bodies are named by us alone: callers need not know of them. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output' = 'output'): Json => {
  const { $schema: _draft, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ jsonSchema }) {
      if (jsonSchema.anyOf)
        jsonSchema.anyOf = jsonSchema.anyOf.filter(one => !Object.hasOwn(one.properties ?? {}, 'spooled'))
    },
  })
  return json
}
