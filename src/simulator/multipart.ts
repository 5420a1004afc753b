/**
 * Reads multipart/form-data by hand and as a stream. CRLF line ends only. Names are raw UTF-8 and stay as they
 * are: percent escapes are not decoded, `filename*` is not looked at, since the platform does neither.
 */

export interface Part {
  readonly name: string | undefined
  /** The `filename` parameter; `filename*` does not count. */
  readonly filename: string | undefined
  /** As written, quoted or not. */
  readonly filelength: string | undefined
  readonly contentType: string | undefined
  /** To be read to its end, or not at all: then it is skipped when the next part is asked for. */
  readonly body: AsyncGenerator<Buffer, void, undefined>
}

/** The body is not well-formed multipart. */
export class MalformedMultipart extends Error {
  override readonly name = 'MalformedMultipart'
}

const maxHeaderBytes = 16 * 1024
const lineEnd = Buffer.from('\r\n')
const headersEnd = Buffer.from('\r\n\r\n')

/** The boundary of a Content-Type, quoted or not; undefined when it is not multipart/form-data with one. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (!contentType || !/^multipart\/form-data\s*;/i.test(contentType)) return undefined
  return parametersOf(contentType).get('boundary') || undefined
}

/** Throws `MalformedMultipart`, also when the closing delimiter is missing. */
export async function* readParts(chunks: AsyncIterator<Buffer>, boundary: string): AsyncGenerator<Part> {
  const bytes = new Scanner(chunks)
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  await skip(bytes.until(delimiter))
  while (!(await bytes.startsWith('--'))) {
    const padding = await collect(bytes.until(lineEnd), maxHeaderBytes)
    if (padding.trim() !== '') throw new MalformedMultipart('text after a boundary')
    // A part without headers has its empty line at once: with the line end put back both look alike.
    bytes.unread(lineEnd)
    const part = partOf(await collect(bytes.until(headersEnd), maxHeaderBytes), bytes.until(delimiter))
    yield part
    await skip(part.body)
  }
}

function partOf(headers: string, body: Part['body']): Part {
  const disposition = parametersOf(headerOf(headers, 'content-disposition') ?? '')
  return {
    name: disposition.get('name'),
    filename: disposition.get('filename'),
    filelength: disposition.get('filelength'),
    contentType: headerOf(headers, 'content-type'),
    body,
  }
}

function headerOf(headers: string, name: string): string | undefined {
  const line = headers.split('\r\n').find(each => each.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim()
}

/** `; name="value"` with or without spaces and quotes; a name of several bytes comes back as UTF-8. */
function parametersOf(header: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const [, name = '', quoted, bare = ''] of header.matchAll(
    /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\r\n]*))/g,
  )) {
    const value = quoted === undefined ? bare.trim() : quoted.replaceAll('\\"', '"')
    parameters.set(name.toLowerCase(), Buffer.from(value, 'latin1').toString('utf8'))
  }
  return parameters
}

async function skip(chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of chunks);
}

async function collect(chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  let text = ''
  for await (const chunk of chunks) {
    text += chunk.toString('latin1')
    if (text.length > maxBytes) throw new MalformedMultipart('headers too long')
  }
  return text
}

/** Looks for byte strings in a stream, holding back only as many bytes as might begin one. */
class Scanner {
  readonly #chunks: AsyncIterator<Buffer>
  /** Begins with a line end, so that the first boundary looks like all others. */
  #buffer: Buffer = lineEnd

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks
  }

  unread(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer])
  }

  async startsWith(text: string): Promise<boolean> {
    while (this.#buffer.length < text.length) await this.#more()
    return this.#buffer.toString('latin1', 0, text.length) === text
  }

  /** Everything before `needle`, which is consumed. */
  async *until(needle: Buffer): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const at = this.#buffer.indexOf(needle)
      const endByte = at < 0 ? Math.max(0, this.#buffer.length - needle.length + 1) : at
      const found = this.#buffer.subarray(0, endByte)
      this.#buffer = this.#buffer.subarray(at < 0 ? endByte : at + needle.length)
      if (found.length > 0) yield found
      if (at >= 0) return
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next()
    if (next.done) throw new MalformedMultipart('the body ends before its closing boundary')
    this.#buffer = Buffer.concat([this.#buffer, next.value])
  }
}
