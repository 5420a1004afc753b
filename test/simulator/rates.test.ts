import { describe, expect, it } from 'vitest'
import { createControl, defaultApp, type Simulator } from '../../src/simulator/index.ts'
import { getJson, gettoken, startSimulator } from './wire.ts'

/** Calls of gettoken at these times of the simulator. */
const callsAt = async (simulator: Simulator, times: readonly number[], app = defaultApp): Promise<void> => {
  for (const nowMs of times) {
    simulator.setClock({ nowMs })
    await gettoken(simulator, app)
  }
}

const other = { corpId: 'ww_other', secret: 'other' }

describe('the log as a judge of rates', () => {
  it('tells the largest sliding window, in process and over control', async () => {
    const simulator = await startSimulator({ frozen: true, apps: [defaultApp, other] })
    await callsAt(simulator, [1000, 5000, 5900, 6000, 9000])
    await callsAt(simulator, [9000, 9000, 9000, 9000, 9000], other)
    const control = createControl(simulator.controlUrl)
    const question = { windowMs: 1000, by: 'simulator', corp: defaultApp.corpId } as const
    const expected = { windowMs: 1000, calls: 5, count: 2, fromMs: 5000 }
    expect(simulator.peak(question)).toEqual(expected)
    expect(await control.peak(question)).toEqual(expected)
    expect(simulator.peak({ windowMs: 1001, by: 'simulator', corp: defaultApp.corpId }).count).toBe(3)
    expect(simulator.peak({ windowMs: 1, by: 'simulator' })).toMatchObject({
      calls: 10,
      count: 6,
      fromMs: 9000,
    })
    const [, , third] = simulator.log()
    expect(simulator.peak({ ...question, windowMs: 5000, since: third?.id })).toMatchObject({
      calls: 2,
      count: 2,
    })
  })

  it('counts by real time unless asked otherwise', async () => {
    const simulator = await startSimulator({ frozen: true })
    await callsAt(simulator, [0, 1_000_000])
    expect(simulator.peak({ windowMs: 60_000 })).toMatchObject({ count: 2, fromMs: simulator.log()[0]?.atMs })
    expect(simulator.peak({ windowMs: 60_000, by: 'simulator' }).count).toBe(1)
  })

  it('counts by the simulator in order of its time, also when that was set back', async () => {
    const simulator = await startSimulator({ frozen: true })
    await callsAt(simulator, [5000, 5001, 1000, 5002])
    expect(simulator.peak({ windowMs: 10, by: 'simulator' })).toMatchObject({ count: 3, fromMs: 5000 })
    expect(simulator.rate({ windowMs: 10, by: 'simulator' })).toMatchObject({ firstMs: 1000, lastMs: 5002 })
  })

  it('tells the calls per whole window, and what part of an allowance those after the first are', async () => {
    const simulator = await startSimulator({ frozen: true })
    const control = createControl(simulator.controlUrl)
    await callsAt(simulator, [0, 0, 0, 500, 1000, 1999, 2000, 2999, 3100])
    const expected = {
      windowMs: 1000,
      calls: 9,
      firstMs: 0,
      lastMs: 3100,
      peak: 4,
      windows: [4, 2, 2],
      afterFirst: { windows: 2, calls: 4, min: 2, max: 2, used: 0.5 },
    }
    const question = { windowMs: 1000, by: 'simulator', allowance: 4 } as const
    expect(simulator.rate(question)).toEqual(expected)
    expect(await control.rate(question)).toEqual(expected)
    expect(simulator.rate({ ...question, untilMs: 4000 }).windows).toEqual([4, 2, 2, 1])
    const real = simulator.rate({ windowMs: 1, untilMs: Date.now() + 50 })
    expect(real.windows.length).toBeGreaterThanOrEqual(45)
    expect(real.windows.reduce((sum, count) => sum + count)).toBe(9)
    expect(simulator.rate({ windowMs: 1000, corp: 'ww_nobody' })).toEqual({
      windowMs: 1000,
      calls: 0,
      peak: 0,
      windows: [],
      afterFirst: { windows: 0, calls: 0, min: 0, max: 0 },
    })
  })

  it('can leave out what a limit refused, or count only that', async () => {
    const simulator = await startSimulator({ frozen: true, limits: { rules: { minute: { calls: 3 } } } })
    const control = createControl(simulator.controlUrl)
    for (let call = 0; call < 5; call += 1) await gettoken(simulator)
    expect(simulator.peak({ windowMs: 1, by: 'simulator' }).count).toBe(5)
    expect(simulator.peak({ windowMs: 1, by: 'simulator', refused: false }).count).toBe(3)
    expect(await control.count({ refused: true })).toBe(2)
    expect(simulator.count({ errcode: 45009 })).toBe(2)
    expect(simulator.count(call => call.limit === 'minute')).toBe(2)
  })

  it.each([
    ['peak', /'windowMs' is missing/],
    ['peak?windowMs=0', /'windowMs' must be a whole number of at least 1/],
    ['peak?windowMs=5&by=moon', /'by' must be one of: real, simulator/],
    ['rate?windowMs=5&allowance=0', /'allowance' must be/],
    ['rate?windowMs=1&by=simulator', /more than 100000 windows/],
    ['count?refused=maybe', /'refused' must be true or false/],
  ])('refuses GET %s with one line', async (path, line) => {
    const simulator = await startSimulator({ frozen: true })
    await callsAt(simulator, [0, 10_000_000])
    const answer = await getJson(`${simulator.controlUrl}/${path}`)
    expect(answer.status).toBe(400)
    expect(answer.json['error']).toMatch(line)
  })
})
