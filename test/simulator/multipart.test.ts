import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultApp } from '../../src/simulator/index.ts'
import { MalformedMultipart, readParts } from '../../src/simulator/multipart.ts'
import { seededBytes } from '../../src/simulator/seeded-bytes.ts'
import { getJson, startSimulator, tokenOf } from './wire.ts'

async function* inPieces(bytes: Buffer, edges: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0
  for (const edge of [...edges, bytes.length].sort((a, b) => a - b)) {
    const to = Math.min(edge, bytes.length)
    if (to > from) yield bytes.subarray(from, to)
    from = Math.max(from, to)
  }
}

const contentsOf = async (bytes: Buffer, edges: readonly number[], boundary: string): Promise<Buffer[]> => {
  const contents: Buffer[] = []
  for await (const part of readParts(inPieces(bytes, edges), boundary)) {
    const chunks: Buffer[] = []
    for await (const chunk of part.body) chunks.push(chunk)
    contents.push(Buffer.concat(chunks))
  }
  return contents
}

/** Bytes that often look like the beginning of a boundary. */
const tricky = fc.array(fc.constantFrom('\r', '\n', '-', '--B', '\r\n--', '\r\n-', 'x', '中'), {
  maxLength: 30,
})

describe('the multipart reader', () => {
  it('gives the same bytes wherever the stream is cut into pieces', async () => {
    const parts = fc.array(
      tricky.map(pieces => Buffer.from(pieces.join('').replaceAll('\r\n--B', '\r\n--A'))),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    await fc.assert(
      fc.asyncProperty(parts, fc.array(fc.nat(400)), async (contents, edges) => {
        const body = Buffer.concat([
          ...contents.flatMap(content => [Buffer.from('--B\r\nX: y\r\n\r\n'), content, Buffer.from('\r\n')]),
          Buffer.from('--B--'),
        ])
        expect(await contentsOf(body, edges, 'B')).toEqual(contents)
      }),
      { numRuns: 300 },
    )
  })

  it('refuses every body that is cut short', async () => {
    const whole = Buffer.from('--B\r\nContent-Disposition: form-data; name="media"\r\n\r\ncontent\r\n--B--')
    for (let end = 0; end < whole.length; end += 1) {
      await expect(contentsOf(whole.subarray(0, end), [], 'B')).rejects.toThrow(MalformedMultipart)
    }
    expect(await contentsOf(whole, [], 'B')).toHaveLength(1)
  })

  it('refuses headers without end', async () => {
    const endless = Buffer.from(`--B\r\nX: ${'y'.repeat(100_000)}\r\n\r\nz\r\n--B--`)
    await expect(contentsOf(endless, [50_000], 'B')).rejects.toThrow('headers too long')
  })

  it('takes what FormData of this Node sends, as many SDKs do', async () => {
    const simulator = await startSimulator()
    const form = new FormData()
    form.append('note', 'a plain field')
    form.append('media', new File(['some text'], '报告.pdf', { type: 'application/pdf' }))
    const url = `${simulator.baseUrl}/media/upload?access_token=${await tokenOf(simulator, defaultApp)}&type=file`
    expect((await getJson(url, { method: 'POST', body: form })).json['errcode']).toBe(0)
    expect(simulator.log({ method: 'media/upload' })[0]?.filename).toBe('报告.pdf')
  })
})

describe('seeded bytes', () => {
  it('are the same from wherever they are read', () => {
    const whole = seededBytes(42, 0, 5000)
    fc.assert(
      fc.property(fc.nat(4999), fc.nat(5000), (start, length) => {
        const end = Math.min(start + length, 5000)
        expect(seededBytes(42, start, end - start).equals(whole.subarray(start, end))).toBe(true)
      }),
    )
    expect(seededBytes(43, 0, 5000).equals(whole)).toBe(false)
  })
})
