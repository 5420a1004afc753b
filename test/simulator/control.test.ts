import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import {
  type Control,
  createControl,
  type Simulator,
  seededBytes,
  simulate,
} from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'
import { getJson, gettoken, mediaUrl, startSimulator, tokenOf, upload } from './wire.ts'

const both = async (options = {}): Promise<{ simulator: Simulator; control: Control }> => {
  const simulator = await startSimulator(options)
  return { simulator, control: createControl(simulator.controlUrl) }
}

describe('the control API', () => {
  it('tells the log, with filters', async () => {
    const { simulator, control } = await both()
    await upload(simulator)
    await upload(simulator, { content: '1' })
    const log = await control.log()
    expect(log).toEqual(simulator.log())
    expect(log.map(call => call.method)).toEqual(['gettoken', 'media/upload', 'gettoken', 'media/upload'])
    expect(await control.log({ method: 'media/upload', errcode: 40006 })).toHaveLength(1)
    expect(await control.log({ since: log[1]?.id ?? 0 })).toHaveLength(2)
    expect(await control.log({ corp: 'ww_nobody' })).toEqual([])
    expect(await control.log({ minBytesIn: 1 })).toHaveLength(2)
  })

  it('does not stand in the log itself', async () => {
    const { control } = await both()
    await control.readClock()
    expect(await control.log()).toEqual([])
  })

  it('waits until calls are there, and says so when they do not come', async () => {
    const { simulator, control } = await both()
    const waiting = control.waitFor({ method: 'gettoken', state: 'done' }, { count: 2 })
    await gettoken(simulator)
    await gettoken(simulator)
    expect(await waiting).toHaveLength(2)
    await expect(control.waitFor({ method: 'media/get' }, { timeoutMs: 10 })).rejects.toThrow(
      'waited 10 ms for 1 calls of this kind, saw 0 (2 calls in the log)',
    )
    const giveUp = AbortSignal.abort()
    await expect(simulator.waitFor({ method: 'media/get' }, { signal: giveUp })).rejects.toBe(giveUp.reason)
  })

  it('waits for calls that match at the same time, not one after the other', async () => {
    const { simulator } = await both()
    simulator.faults.add({ method: 'gettoken', times: 2, do: 'hold', at: 'answer' })
    const waiting = simulator.waitFor({ state: 'held' }, { count: 2, timeoutMs: 200 })
    for (let call = 0; call < 2; call += 1) {
      const answer = gettoken(simulator)
      await simulator.waitFor({ state: 'held' })
      simulator.release()
      await answer
    }
    await expect(waiting).rejects.toThrow('saw 0')
  })

  it('holds, shows and releases a call', async () => {
    const { simulator, control } = await both()
    const fault = await control.faults.add({ method: 'gettoken', do: 'hold', at: 'answer' })
    const answer = gettoken(simulator)
    const [held] = await control.waitFor({ state: 'held' })
    expect(await control.faults.list()).toEqual([{ ...fault, seen: 1, acted: 1 }])
    expect(await control.release(held?.id)).toBe(1)
    expect((await answer).json['errcode']).toBe(0)
    await control.faults.remove(fault.id)
    await expect(control.faults.remove(fault.id)).rejects.toThrow(`there is none with id ${fault.id}`)
    await control.faults.add({ method: 'gettoken', do: 'half-body' })
    await control.faults.clear()
    expect(await control.faults.list()).toEqual([])
  })

  it('sets the clock, freezes it and lets it run', async () => {
    const { simulator, control } = await both()
    for (let times = 0; times < 50; times += 1) {
      simulator.setClock({ frozen: false })
      // Never a millisecond later, however often it is tried.
      expect(simulator.setClock({ nowMs: 2_000_000, frozen: true }).nowMs).toBe(2_000_000)
    }
    expect(await control.setClock({ nowMs: 1_000_000, frozen: true })).toEqual({
      nowMs: 1_000_000,
      frozen: true,
    })
    expect(await control.advance(500)).toEqual({ nowMs: 1_000_500, frozen: true })
    expect((await gettoken(simulator)).json['errcode']).toBe(0)
    expect(simulator.log()[0]).toMatchObject({ simulatorAtMs: 1_000_500 })
    const running = await control.setClock({ frozen: false })
    expect(running.frozen).toBe(false)
    expect(running.nowMs).toBeGreaterThanOrEqual(1_000_500)
    expect(running.nowMs).toBeLessThan(1_060_000)
    await expect(control.advance(-1)).rejects.toThrow("'advanceMs' must be a whole number of at least 0")
  })

  it('takes tokens back, adds apps and media', async () => {
    const { simulator, control } = await both()
    const app = { corpId: 'ww_added', secret: 'added' }
    await control.addApp(app)
    const token = await tokenOf(simulator, app)
    const medium = await control.addMedia({ corpId: app.corpId, sizeBytes: 1000, seed: 9, name: 'x.bin' })
    const response = await fetch(await mediaUrl(simulator, medium.mediaId, app))
    expect(Buffer.from(await response.arrayBuffer()).equals(seededBytes(9, 0, 1000))).toBe(true)
    expect(await control.invalidateTokens({ corpId: app.corpId, errcode: 42001 })).toBe(1)
    const refused = await upload(simulator, { token })
    expect(refused.json['errcode']).toBe(42001)
  })

  it('resets everything, and cuts what is under way', async () => {
    const { simulator, control } = await both({ startMs: 5000, frozen: true })
    const { json } = await upload(simulator)
    const token = await tokenOf(simulator)
    await control.faults.add({ method: 'gettoken', do: 'hold', at: 'answer' })
    const held = gettoken(simulator).catch(() => 'cut')
    await control.waitFor({ state: 'held' })
    await control.advance(1000)
    await control.reset()
    expect(await held).toBe('cut')
    expect(await control.log()).toEqual([])
    expect(await control.faults.list()).toEqual([])
    expect((await control.readClock()).nowMs).toBe(5000)
    expect((await upload(simulator, { token })).json['errcode']).toBe(40014)
    const gone = await getJson(await mediaUrl(simulator, String(json['media_id'])))
    expect(gone.json['errcode']).toBe(40007)
    expect((await upload(simulator)).json['errcode']).toBe(0)
  })

  it.each([
    ['POST', 'media', '{"sizeBytes":5,"contentBase64":""}', /needs either/],
    ['POST', 'media', '{}', /needs either/],
    ['POST', 'media', '{"sizeBytes":5,"colour":"red"}', /'colour' is not known here/],
    ['POST', 'media', '{"kind":"eternal","sizeBytes":5}', /'kind' must be one of: temporary, async/],
    ['POST', 'apps', '{"corpId":"ww"}', /'secret' is missing/],
    ['POST', 'tokens/invalidate', '{"errcode":40001}', /must be 40014 or 42001/],
    ['POST', 'clock', '{"frozen":1}', /'frozen' must be true or false/],
    ['POST', 'release', 'all', /not JSON/],
    ['POST', 'release', '[]', /must be a JSON object/],
    ['GET', 'log?since=yesterday', null, /'since' must be a whole number/],
    ['GET', 'log?methd=gettoken', null, /'methd' is not known here/],
    ['GET', 'wait?state=lost', null, /'state' must be one of: open, held, done/],
  ])('refuses %s %s %s with 400 and one line', async (method, path, body, line) => {
    const simulator = await startSimulator()
    const answer = await getJson(`${simulator.controlUrl}/${path}`, { method, body })
    expect(answer.status).toBe(400)
    expect(answer.json['error']).toMatch(line)
  })

  it('answers 404 with the list of actions for anything else', async () => {
    const simulator = await startSimulator()
    const answer = await getJson(`${simulator.controlUrl}/explode`, { method: 'POST' })
    expect(answer.status).toBe(404)
    expect(answer.json['error']).toContain('POST faults')
  })
})

describe('the command', () => {
  it('prints one line of JSON when it is ready', async () => {
    let text = ''
    const running = await simulate({ corpId: 'ww_mine', secret: 'mine' }, { write: line => (text += line) })
    atEnd(() => running.stop())
    expect(text).toMatch(/^\{.*\}\n$/)
    const line = JSON.parse(text) as Record<string, string>
    expect(line).toEqual({
      baseUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/cgi-bin$/),
      corpId: 'ww_mine',
      secret: 'mine',
      control: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/_control$/),
    })
    const answer = await getJson(`${line['baseUrl']}/gettoken?corpid=ww_mine&corpsecret=mine`)
    expect(answer.json['errcode']).toBe(0)
    expect(await createControl(line['control'] ?? '').log()).toHaveLength(1)
  })

  it('says in one line that a port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    atEnd(() => taken.close())
    await new Promise(resolve => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    await expect(simulate({ port }, { write: () => true })).rejects.toThrow(
      new Error(`port ${port} on 127.0.0.1 is in use; choose another one, or 0 for a free one`),
    )
  })
})

describe('a simulator', () => {
  it('that is not running has no address, and stops twice without complaint', async () => {
    const simulator = await startSimulator()
    await simulator.stop()
    await simulator.stop()
    expect(() => simulator.baseUrl).toThrow('await start() first')
  })

  it('lets nobody wait for ever when it stops', async () => {
    const simulator = await startSimulator()
    simulator.faults.add({ method: 'gettoken', do: 'hold', at: 'answer' })
    const held = gettoken(simulator).catch(() => 'cut')
    await simulator.waitFor({ state: 'held' })
    await simulator.stop()
    expect(await held).toBe('cut')
    expect(simulator.log()).toMatchObject([{ state: 'done', aborted: 'simulator' }])
  })
})
