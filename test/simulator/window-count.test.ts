import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterFirst, peakOf, wholeWindows } from '../../src/simulator/arrivals.ts'
import { dayEndMs, dayStartMs, monthStartMs } from '../../src/simulator/limits/calendar.ts'
import { FixedWindow, SlidingWindow } from '../../src/simulator/limits/window-count.ts'

const steps = fc.array(fc.nat(40), { minLength: 1, maxLength: 60 })
const windowMs = fc.integer({ min: 1, max: 100 })

/** Rising times out of steps. */
const timesOf = (gaps: readonly number[]): number[] => {
  let now = 0
  return gaps.map(gap => {
    now += gap
    return now
  })
}

describe('a window that slides', () => {
  it('holds exactly the calls younger than its length', () => {
    fc.assert(
      fc.property(steps, windowMs, (gaps, ms) => {
        const window = new SlidingWindow(ms)
        for (const [index, now] of timesOf(gaps).entries()) {
          const young = timesOf(gaps).filter((time, at) => at < index && time > now - ms)
          expect(window.at(now)).toBe(young.length)
          window.add(now)
        }
      }),
    )
  })

  it('forgets a call that is taken back, also after many', () => {
    const window = new SlidingWindow(100)
    for (let now = 0; now < 5000; now += 1) {
      window.add(now)
      window.at(now)
    }
    expect(window.at(4999)).toBe(100)
    window.takeBack(4950)
    window.takeBack(10)
    expect(window.at(4999)).toBe(99)
    expect(window.at(5050)).toBe(49)
    expect(window.at(5099)).toBe(0)
  })
})

describe('a fixed window', () => {
  it('holds the calls since the last edge', () => {
    fc.assert(
      fc.property(steps, windowMs, (gaps, ms) => {
        const window = new FixedWindow(time => Math.floor(time / ms) * ms)
        for (const [index, now] of timesOf(gaps).entries()) {
          const edge = now - (now % ms)
          expect(window.at(now)).toBe(timesOf(gaps).filter((time, at) => at < index && time >= edge).length)
          window.add(now)
        }
      }),
    )
  })

  it('forgets a call that is taken back, but not for one of a window that is over', () => {
    const window = new FixedWindow(time => Math.floor(time / 10) * 10)
    window.add(9)
    window.add(10)
    window.add(11)
    window.takeBack(9)
    expect(window.at(12)).toBe(2)
    window.takeBack(10)
    expect(window.at(12)).toBe(1)
  })
})

describe('the calendar of Asia/Shanghai', () => {
  const wall = (ms: number): string =>
    new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'Asia/Shanghai',
      dateStyle: 'short',
      timeStyle: 'medium',
    }).format(ms)

  it('begins days and months at midnight there', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1992-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
        date => {
          const ms = date.getTime()
          const [day = ''] = wall(ms).split(' ')
          expect(wall(dayStartMs(ms))).toBe(`${day} 00:00:00`)
          expect(wall(dayEndMs(ms) - 1)).toBe(`${day} 23:59:59`)
          expect(wall(monthStartMs(ms))).toBe(`${day.slice(0, 8)}01 00:00:00`)
        },
      ),
    )
  })
})

describe('the peak of arrivals', () => {
  it('is the largest number in any window, the end not included', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 60 }), windowMs, (gaps, ms) => {
        const times = timesOf(gaps)
        const counts = times.map(from => times.filter(time => time >= from && time < from + ms).length)
        const { count, first } = peakOf(Float64Array.from(times), ms)
        expect(count).toBe(Math.max(0, ...counts))
        if (count > 0)
          expect(times.slice(first, first + count).every(time => time - (times[first] ?? 0) < ms)).toBe(true)
      }),
    )
  })
})

describe('whole windows', () => {
  const times = Float64Array.from([5, 6, 7, 14.9, 15, 24, 25, 26, 40])

  it('begin with the first call and leave out what is not whole', () => {
    expect(wholeWindows(times, 10, 40)).toEqual([4, 2, 2])
    expect(wholeWindows(times, 10, 45)).toEqual([4, 2, 2, 1])
    expect(wholeWindows(times, 10, 14)).toEqual([])
    expect(wholeWindows(new Float64Array(), 10, 100)).toEqual([])
  })

  it('are summed up without the first', () => {
    expect(afterFirst([4, 2, 3], 5)).toEqual({ windows: 2, calls: 5, min: 2, max: 3, used: 0.5 })
    expect(afterFirst([4], 5)).toEqual({ windows: 0, calls: 0, min: 0, max: 0 })
  })
})
