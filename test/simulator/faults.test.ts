import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Act, type FaultSpec, type Simulator, seededBytes } from '../../src/simulator/index.ts'
import {
  getJson,
  gettoken,
  mediaUrl,
  multipart,
  open,
  rawGet,
  split,
  startSimulator,
  tokenOf,
  untilEnd,
  upload,
} from './wire.ts'

const MiB = 1024 * 1024

const uploadHead = (token: string, lengthBytes: number): string =>
  `POST /cgi-bin/media/upload?access_token=${token}&type=file HTTP/1.1\r\nHost: simulator\r\n` +
  `Content-Type: multipart/form-data; boundary=----simulated0123456789\r\nContent-Length: ${lengthBytes}\r\n\r\n`

const startUpload = async (simulator: Simulator, body: Buffer): Promise<Socket> => {
  const token = await tokenOf(simulator)
  const socket = open(simulator)
  socket.write(uploadHead(token, body.length))
  return socket
}

/** A slice of 10 bytes out of 100, met by a fault. */
const faultySlice = async (act: Act) => {
  const simulator = await startSimulator()
  const { mediaId } = await simulator.addMedia({ sizeBytes: 100, seed: 5 })
  simulator.faults.add({ method: 'media/get', ...act })
  const answer = await rawGet(simulator, await mediaUrl(simulator, mediaId), 'Range: bytes=20-29\r\n')
  const [call] = await simulator.waitFor({ method: 'media/get', state: 'done' })
  return { ...split(answer), end: answer.end, call }
}

describe('the script', () => {
  it('meets the n-th call of its method, so many times, counted from when the fault was added', async () => {
    const simulator = await startSimulator()
    await gettoken(simulator)
    const { id } = simulator.faults.add({ method: 'gettoken', nth: 2, times: 2, do: 'errcode', errcode: -1 })
    const codes: unknown[] = []
    for (let call = 0; call < 5; call += 1) codes.push((await gettoken(simulator)).json['errcode'])
    expect(codes).toEqual([0, -1, -1, 0, 0])
    expect(simulator.faults.list()).toMatchObject([{ id, seen: 5, acted: 2 }])
    expect(simulator.log({ errcode: -1 }).map(call => call.fault)).toEqual(['errcode', 'errcode'])
  })

  it('meets every call until it is removed', async () => {
    const simulator = await startSimulator()
    const { id } = simulator.faults.add({
      method: 'gettoken',
      times: 'always',
      do: 'errcode',
      errcode: 45009,
    })
    expect((await gettoken(simulator)).json['errmsg']).toMatch(/^api freq out of limit, hint: /)
    expect((await gettoken(simulator)).json['errcode']).toBe(45009)
    expect(simulator.faults.remove(id)).toBe(true)
    expect((await gettoken(simulator)).json['errcode']).toBe(0)
  })

  it('counts only the calls of its corp where it names one, by the token of the call', async () => {
    const [one, two] = [
      { corpId: 'ww_one', secret: 'one' },
      { corpId: 'ww_two', secret: 'two' },
    ]
    const simulator = await startSimulator({ apps: [one, two] })
    const [tokenOne, tokenTwo] = [await tokenOf(simulator, one), await tokenOf(simulator, two)]
    simulator.faults.add({ method: 'media/upload', corp: 'ww_two', do: 'errcode', errcode: 45033 })
    expect((await upload(simulator, { token: tokenOne })).json['errcode']).toBe(0)
    expect((await upload(simulator, { token: tokenTwo })).json['errcode']).toBe(45033)
  })

  it('lets all faults act that are due at one call', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    simulator.faults.add({ method: 'media/upload', do: 'drop-reply' })
    const answer = upload(simulator).catch(() => 'no answer')
    const [call] = await simulator.waitFor({ method: 'media/upload', state: 'held' })
    expect(call).toMatchObject({ errcode: 0, fault: 'hold+drop-reply', mediaId: expect.stringMatching(/^1/) })
    expect(simulator.release()).toBe(1)
    expect(await answer).toBe('no answer')
  })
})

describe('a fault instead of handling', () => {
  it('errcode: answers after the whole body, and accepts nothing', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 42001 })
    const { status, headers, json } = await upload(simulator, { content: Buffer.alloc(MiB) })
    expect([status, headers.get('error-code'), json['errcode']]).toEqual([200, '42001', 42001])
    const [call] = simulator.log({ method: 'media/upload' })
    expect(call?.bytesIn).toBeGreaterThan(MiB)
    expect(call).not.toHaveProperty('mediaId')
  })

  it('html: answers as a proxy would', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'gettoken', do: 'html' })
    const response = await fetch(`${simulator.baseUrl}/gettoken`)
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html'])
    expect(response.headers.get('error-code')).toBeNull()
    expect(await response.text()).toContain('<h1>502')
  })

  it('early, keep-reading: answers before the body is there, and takes the rest', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({
      method: 'media/upload',
      do: 'errcode',
      errcode: 42001,
      early: 'keep-reading',
      afterBytes: 100,
    })
    const body = multipart(Buffer.alloc(MiB))
    const socket = await startUpload(simulator, body)
    socket.write(body.subarray(0, 1000))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toContain('"errcode":42001')
    socket.write(body.subarray(1000))
    await simulator.waitFor({ method: 'media/upload', minBytesIn: body.length })
    socket.write('GET /cgi-bin/gettoken HTTP/1.1\r\nHost: simulator\r\nConnection: close\r\n\r\n')
    expect((await untilEnd(socket)).bytes.toString()).toContain('"errcode":41002')
  })

  it.each([
    'close',
    'reset',
  ] as const)('early, %s: answers before the body is there, and ends the connection', async early => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 42001, early })
    const socket = await startUpload(simulator, multipart(Buffer.alloc(MiB)))
    const { bytes, end } = await untilEnd(socket)
    expect(bytes.toString()).toContain('"errcode":42001')
    expect(end).toBe(early)
    expect(simulator.log({ method: 'media/upload' })).toMatchObject([
      { bytesIn: 0, errcode: 42001, aborted: false },
    ])
  })
})

describe('a fault of the connection', () => {
  it.each([
    [{}, 'reset'],
    [{ how: 'close' as const }, 'close'],
  ])('cut-request %o: ends the connection once so many bytes were read', async (how, expected) => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'cut-request', afterBytes: 1000, ...how })
    const body = multipart(Buffer.alloc(MiB))
    const socket = await startUpload(simulator, body)
    const ended = untilEnd(socket)
    socket.write(body.subarray(0, 999))
    await simulator.waitFor({ method: 'media/upload', state: 'open', minBytesIn: 999 })
    socket.write(body.subarray(999, 1000))
    expect(await ended).toEqual({ bytes: Buffer.alloc(0), end: expected })
    const [call] = await simulator.waitFor({ method: 'media/upload', state: 'done' })
    expect(call).toMatchObject({ aborted: 'simulator', bytesIn: 1000 })
  })

  it('cut-request: ends a call that has no or a shorter body too', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'gettoken', do: 'cut-request' })
    simulator.faults.add({ method: 'gettoken', nth: 2, do: 'cut-request', afterBytes: 10 })
    for (let call = 0; call < 2; call += 1) {
      const { bytes } = await rawGet(simulator, `${simulator.baseUrl}/gettoken`)
      expect(bytes).toHaveLength(0)
    }
  })

  it('cut-response: sends exactly so many bytes of the body', async () => {
    const { head, body, end, call } = await faultySlice({ do: 'cut-response', afterBytes: 3 })
    expect(head).toContain('206 Partial Content')
    expect(head).toContain('Content-Length: 10')
    expect(body.equals(seededBytes(5, 20, 3))).toBe(true)
    expect(end).toBe('close')
    expect(call).toMatchObject({ aborted: 'simulator', bytesOut: 3, status: 206 })
  })

  it('cut-response: sends the head alone for 0, all for more than there is, and can reset', async () => {
    expect((await faultySlice({ do: 'cut-response' })).body).toHaveLength(0)
    expect((await faultySlice({ do: 'cut-response', afterBytes: 999 })).body).toHaveLength(10)
    expect((await faultySlice({ do: 'cut-response', how: 'reset' })).end).toBe('reset')
  })

  it('half-body: sends half under a right Content-Length', async () => {
    const { head, body, call } = await faultySlice({ do: 'half-body' })
    expect(head).toContain('Content-Length: 10')
    expect(body.equals(seededBytes(5, 20, 5))).toBe(true)
    expect(call?.aborted).toBe('simulator')
  })

  it('drop-reply: accepts a medium and says nothing', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'drop-reply' })
    await expect(upload(simulator)).rejects.toThrow()
    const [call] = await simulator.waitFor({ method: 'media/upload', state: 'done' })
    expect(call).toMatchObject({ aborted: 'simulator', bytesOut: 0, errcode: 0 })
    const kept = await fetch(await mediaUrl(simulator, String(call?.mediaId)))
    expect(await kept.text()).toBe('some text')
  })
})

describe('a fault of time', () => {
  it('stall: waits before the head for as long as it says', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'gettoken', do: 'stall', at: 'head', ms: 60 })
    const startMs = performance.now()
    expect((await gettoken(simulator)).json['errcode']).toBe(0)
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(55)
  })

  it('stall: goes on after the wait in the middle of a body', async () => {
    const { body } = await faultySlice({ do: 'stall', at: 'body', ms: 20 })
    expect(body.equals(seededBytes(5, 20, 10))).toBe(true)
  })

  it('stall: without a time lasts until the client gives up', async () => {
    const simulator = await startSimulator()
    const { mediaId } = await simulator.addMedia({ sizeBytes: 100 })
    simulator.faults.add({ method: 'media/get', do: 'stall', at: 'body' })
    const giveUp = new AbortController()
    const response = await fetch(await mediaUrl(simulator, mediaId), { signal: giveUp.signal })
    expect(response.status).toBe(200)
    await simulator.waitFor(call => call.bytesOut === 50)
    giveUp.abort()
    const [call] = await simulator.waitFor({ method: 'media/get', state: 'done' })
    expect(call).toMatchObject({ aborted: 'client', bytesOut: 50 })
  })

  it('hold: keeps a request after so many bytes until it is released', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request', afterBytes: MiB })
    const answer = upload(simulator, { content: Buffer.alloc(4 * MiB) })
    const [held] = await simulator.waitFor({ method: 'media/upload', state: 'held' })
    expect(held?.bytesIn).toBeGreaterThanOrEqual(MiB)
    expect(held?.bytesIn).toBeLessThan(3 * MiB)
    simulator.invalidateTokens()
    expect(simulator.release((held?.id ?? 0) + 1)).toBe(0)
    expect(simulator.release(held?.id)).toBe(1)
    expect((await answer).json['errcode']).toBe(0)
  })

  it('hold: is over when the client has gone', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const giveUp = new AbortController()
    const answer = upload(simulator, { signal: giveUp.signal }).catch(() => 'gone')
    await simulator.waitFor({ state: 'held' })
    giveUp.abort()
    expect(await answer).toBe('gone')
    const [call] = await simulator.waitFor({ method: 'media/upload', state: 'done' })
    expect(call).toMatchObject({ aborted: 'client', errcode: 0 })
    expect(simulator.release()).toBe(0)
  })
})

describe('a fault of the answer', () => {
  it('ignore-range: answers 200 with the whole file, even a very large one', async () => {
    const { head, body } = await faultySlice({ do: 'ignore-range' })
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    expect(body.equals(seededBytes(5, 0, 100))).toBe(true)
    const simulator = await startSimulator()
    const { mediaId } = await simulator.addMedia({ sizeBytes: 21 * MiB })
    simulator.faults.add({ method: 'media/get', do: 'ignore-range' })
    const whole = await fetch(await mediaUrl(simulator, mediaId), { headers: { Range: 'bytes=0-9' } })
    expect((await whole.arrayBuffer()).byteLength).toBe(21 * MiB)
  })

  it('wrong-content-range: tells another place or another total', async () => {
    const other = await faultySlice({ do: 'wrong-content-range' })
    expect(other.head).toContain('Content-Range: bytes 21-30/100')
    expect(other.body.equals(seededBytes(5, 20, 10))).toBe(true)
    const total = await faultySlice({ do: 'wrong-content-range', totalBytes: 99 })
    expect(total.head).toContain('Content-Range: bytes 20-29/99')
  })

  it('empty-body and invalid-json: spoil the answer to a call that was handled', async () => {
    const simulator = await startSimulator()
    const token = await tokenOf(simulator)
    simulator.faults.add({ method: 'media/upload', do: 'empty-body' })
    simulator.faults.add({ method: 'media/upload', nth: 2, do: 'invalid-json' })
    simulator.faults.add({ method: 'media/upload', nth: 3, do: 'invalid-json', text: '[]' })
    const bodies: string[] = []
    for (let call = 0; call < 3; call += 1) {
      const response = await fetch(`${simulator.baseUrl}/media/upload?type=file&access_token=${token}`, {
        method: 'POST',
        headers: { 'Content-Type': 'multipart/form-data; boundary=----simulated0123456789' },
        body: multipart('some text'),
      })
      expect([response.status, response.headers.get('error-code')]).toEqual([200, null])
      bodies.push(await response.text())
    }
    expect(bodies[0]).toBe('')
    expect(() => JSON.parse(bodies[1] ?? '')).toThrow()
    expect(bodies[2]).toBe('[]')
    expect(simulator.log(call => call.mediaId !== undefined)).toHaveLength(3)
  })
})

describe('a fault that makes no sense', () => {
  const valid = { method: 'gettoken', do: 'errcode', errcode: 1 }
  it.each([
    ['no object', 'errcode', /must be a JSON object/],
    [
      'an unknown method',
      { ...valid, method: 'media/put' },
      /'method' must be one of: gettoken, media\/upload/,
    ],
    ['no act', { method: 'gettoken' }, /'do' is missing; one of: errcode, html/],
    ['an unknown act', { ...valid, do: 'explode' }, /'do' must be one of/],
    ['a call before the first', { ...valid, nth: 0 }, /'nth' must be a whole number of at least 1/],
    ['half a call', { ...valid, times: 1.5 }, /'times' must be/],
    ['no errcode', { method: 'gettoken', do: 'errcode' }, /'errcode' is missing/],
    ['a field of another act', { ...valid, ms: 5 }, /'ms' is not known here; known are: method, nth/],
    [
      'a place of another act',
      { method: 'gettoken', do: 'stall', at: 'request' },
      /'at' must be one of: head, body/,
    ],
    ['bytes before a late answer', { ...valid, afterBytes: 5 }, /needs 'early'/],
    [
      'an impossible status',
      { method: 'gettoken', do: 'html', status: 99 },
      /'status' must be .* from 200 to 599/,
    ],
  ])('is refused with one line: %s', async (_, spec, line) => {
    const simulator = await startSimulator()
    const answer = await getJson(`${simulator.controlUrl}/faults`, {
      method: 'POST',
      body: JSON.stringify(spec),
    })
    expect(answer.status).toBe(400)
    expect(answer.json['error']).toMatch(line)
    expect(answer.json['error']).not.toContain('\n')
    expect(() => simulator.faults.add(spec as unknown as FaultSpec)).toThrow(line)
    expect(simulator.faults.list()).toEqual([])
  })
})
