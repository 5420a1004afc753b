/**
 * What may be logged of a value. Of an error only a list of fields: undici, Node and Redis hang URLs, commands and
 * whole requests on theirs (ERR_INVALID_URL carries the URL in `input`). Everything is bounded.
 */

const most = { depth: 4, entries: 50, textLength: 2_000, frames: 10, causes: 3, errors: 5 }

/** Never throws: a getter that does is shown as such. */
export function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '[function]' : value
  if (value instanceof Error) return plainError(value)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= most.depth) return '[deeper]'
  try {
    if (value instanceof Date) return value.toJSON()
    if (Array.isArray(value)) return value.slice(0, most.entries).map(each => plain(each, depth + 1))
    const entries = Object.entries(value).slice(0, most.entries)
    return Object.fromEntries(entries.map(([key, each]) => [key, plain(each, depth + 1)]))
  } catch {
    return '[unreadable]'
  }
}

const cut = (text: string): string =>
  text.length <= most.textLength ? text : `${text.slice(0, most.textLength)}… (${text.length})`

interface Known {
  readonly kind?: unknown
  readonly errcode?: unknown
  readonly code?: unknown
}

function plainError(error: Error, causes = 0): Readonly<Record<string, unknown>> {
  const { name, message, cause } = error
  const { kind, errcode, code } = error as Known
  const fields = { type: name, kind, errcode, code, message }
  const errors = error instanceof AggregateError ? error.errors.slice(0, most.errors) : []
  const isDeeper = causes < most.causes
  return {
    ...Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => scalar(key, value))),
    ...(frames(error) && { stack: frames(error) }),
    ...(cause !== undefined && isDeeper && { cause: plainCause(cause, causes + 1) }),
    ...(errors.length > 0 && isDeeper && { errors: errors.map(each => plainCause(each, causes + 1)) }),
  }
}

const plainCause = (cause: unknown, causes: number): unknown =>
  cause instanceof Error ? plainError(cause, causes) : typeof cause === 'string' ? cut(cause) : typeof cause

const scalar = (key: string, value: unknown): [string, string | number][] =>
  typeof value === 'string' ? [[key, cut(value)]] : typeof value === 'number' ? [[key, value]] : []

/** Where it was thrown; the message stands above, and may have several lines. Node's own frames tell nobody anything. */
function frames({ stack }: Error): string | undefined {
  const lines = typeof stack === 'string' ? stack.split('\n').filter(isFrame) : []
  return lines.length === 0
    ? undefined
    : lines
        .slice(0, most.frames)
        .map(line => line.trim())
        .join('\n')
}

const isFrame = (line: string): boolean => /^ {4}at /.test(line) && !line.includes('node:')
