/** `/v1/openapi.json` for programs, and `/v1/docs`, the same for people: one page without scripts that fetches nothing. */

import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { escaped } from './escaped.ts'
import { openApiOf } from './openapi.ts'
import type { Operation } from './operation.ts'

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.5rem;font-size:1.1rem}h2 code{font-size:1rem}b{color:#0a5}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f5f6f8;padding:1rem;overflow:auto;max-height:24rem}summary{cursor:pointer}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}pre{background:#1f2429}td,th{border-color:#333}a{color:#7bf}}`

const styleHash = createHash('sha256').update(style).digest('base64')

/** Nothing from anywhere but this page itself. */
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

export function mountDocs(scope: FastifyInstance, operations: readonly Operation[], version: string): void {
  // Made when somebody asks: most processes start and end without it.
  const document = once(() => openApiOf(operations, version))
  const json = once(() => JSON.stringify(document()))
  const page = once(() => pageOf(document() as unknown as Document))
  scope.get('/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(json()))
  scope.get('/docs', (_request, reply) =>
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page()),
  )
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly it: T } | undefined
  return () => {
    made ??= { it: make() }
    return made.it
  }
}

interface Document {
  readonly info: { readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Entry>>>>
}

interface Entry {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly description?: string
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> }
  readonly responses: Readonly<Record<string, { readonly description: string }>>
}

function pageOf({ info, paths }: Document): string {
  const entries = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, entry]) => sectionOf(verb.toUpperCase(), path, entry)),
  )
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>wecom-media API</title><style>${style}</style></head><body>
<h1>wecom-media ${escaped(info.version)}</h1><p>${escaped(info.description)}</p>
<p>Send a token as <code>Authorization: Bearer wmt_…</code>. For programs: <a href="openapi.json">openapi.json</a>.</p>
${entries.join('\n')}</body></html>`
}

function sectionOf(verb: string, path: string, entry: Entry): string {
  const { operationId, summary, parameters, requestBody, responses } = entry
  const rows = parameters.map(({ name, in: where, required, description = '' }) => [
    `<code>${escaped(name)}</code>`,
    `${where}${required ? ', required' : ''}`,
    escaped(description),
  ])
  const bodies = Object.entries(requestBody?.content ?? {}).map(
    ([type, { schema }]) =>
      `<details><summary>Body: <code>${escaped(type)}</code></summary><pre>${escaped(JSON.stringify(schema, null, 2))}</pre></details>`,
  )
  const answers = Object.entries(responses).map(([status, { description }]) => [status, escaped(description)])
  return `<h2 id="${escaped(operationId)}"><b>${verb}</b> <code>${escaped(path)}</code></h2><p>${escaped(summary)}</p>
${tableOf(rows)}${bodies.join('')}<details><summary>Answers</summary>${tableOf(answers)}</details>`
}

const tableOf = (rows: readonly (readonly string[])[]): string =>
  rows.length === 0
    ? ''
    : `<table>${rows.map(cells => `<tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`
