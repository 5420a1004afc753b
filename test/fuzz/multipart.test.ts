/**
 * S08. No wrong acceptance: whatever the name, a reader of multipart finds exactly one part, of the field `media`, with
 * the file's bytes and the name's; nothing in a name becomes a header, a parameter or a part. No crash: `uploadBody`
 * never throws, and announces as many bytes as it gives.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkName } from '../../src/files/inspect.ts'
import { boundaryOf, readParts } from '../../src/simulator/multipart.ts'
import type { Body } from '../../src/wecom/call.ts'
import { type MediaType, mediaTypes } from '../../src/wecom/media-types.ts'
import { imageBody, safeName, uploadBody } from '../../src/wecom/multipart.ts'
import { fileOf } from '../wecom/files.ts'
import { hostileText } from './hostile.ts'

const never = new AbortController().signal

const all = async (chunks: AsyncIterable<Buffer>): Promise<Buffer> => {
  const read: Buffer[] = []
  for await (const chunk of chunks) read.push(chunk)
  return Buffer.concat(read)
}

const written = async (body: Body): Promise<Buffer> => {
  const { chunks } = await body.open(never)
  return all(chunks)
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

const partsIn = async (bytes: Buffer, contentType: string) => {
  const parts = []
  for await (const { body, ...head } of readParts(once(bytes), boundaryOf(contentType) ?? '')) {
    parts.push({ ...head, content: await all(body) })
  }
  return parts
}

/** Content that looks like the end of a part. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  fc
    .array(
      fc.constantFrom('\r\n', '--', '----wecom-media-', '\r\n--', '--\r\n', 'Content-Disposition: x', '\0'),
    )
    .map(pieces => Buffer.from(pieces.join(''))),
)

const type = fc.constantFrom(...(Object.keys(mediaTypes) as MediaType[]))

/**
 * Readers differ over a backslash before the closing quote: form data means it, quoted strings of mail escape the quote
 * by it. Jobs do not take a backslash (`checkName`), so the difference is left out here.
 */
const name = hostileText.filter(text => !/(^|[^\\])(\\\\)*\\$/.test(text))

test('S08: a name that ends in a backslash never comes from a job', () => {
  expect(() => checkName('a\\', 255)).toThrow('does not take')
})

test('S08: any name and any bytes are one part, and come back', async () => {
  await fc.assert(
    fc.asyncProperty(name, content, type, async (name, bytes, type) => {
      const body = uploadBody(fileOf(bytes, { name, type }))
      const sent = await written(body)
      expect(sent.length).toBe(body.lengthBytes)
      const [part, ...more] = await partsIn(sent, body.contentType)
      expect(more).toEqual([])
      expect(part).toMatchObject({ name: 'media', filelength: String(bytes.length) })
      expect(part?.content.equals(bytes)).toBe(true)
      expect(part?.filename).toBe(safeName(name.toWellFormed()))
      expect(part?.contentType).toMatch(/^[a-z]+\/[a-z0-9-]+$/)
    }),
    { numRuns: 600 },
  )
})

/** The reader of this Node, after the standard of form data: it gives `%22`, `%0D` and `%0A` back as what they were. */
test('S08: the form-data reader of this platform agrees', async () => {
  await fc.assert(
    fc.asyncProperty(hostileText, content, async (name, bytes) => {
      const body = imageBody(fileOf(bytes, { name }))
      const withoutLength = (await written(body)).toString('latin1').replace(/; filelength=\d+\r\n/, '\r\n')
      const response = new Response(Buffer.from(withoutLength, 'latin1'), {
        headers: { 'Content-Type': body.contentType },
      })
      const [[field, file] = [], ...more] = [...(await response.formData())]
      expect([field, more]).toEqual(['media', []])
      if (!(file instanceof File)) throw new Error('no file')
      expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
      // It drops a byte order mark.
      expect(safeName(file.name)).toBe(safeName(decoded(name.toWellFormed().replace(/^\ufeff/, ''))))
    }),
    { numRuns: 300 },
  )
})

const decoded = (name: string): string =>
  name.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
