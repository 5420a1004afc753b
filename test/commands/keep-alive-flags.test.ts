/** The end of keeping alive, as a person writes it. */

import { describe, expect, test } from 'vitest'
import { keepAliveOf, parseUntil } from '../../src/commands/keep-alive-flags.ts'

describe('--until', () => {
  test('takes a day to its end, and a time with its offset', () => {
    expect(parseUntil('2027-01-31')).toBe(new Date(2027, 1, 1).toISOString())
    expect(parseUntil('2028-02-29')).toBe(new Date(2028, 2, 1).toISOString())
    expect(parseUntil('2027-01-31T18:00:00+08:00')).toBe('2027-01-31T10:00:00.000Z')
    expect(parseUntil('2027-01-31T18:00Z')).toBe('2027-01-31T18:00:00.000Z')
  })

  test.each([
    '',
    'tomorrow',
    '30d',
    '2027-02-30',
    '2027-13-01',
    '2027-01-31T18:00:00',
    '2027-01',
    '31.1.2027',
  ])('refuses "%s"', text => {
    expect(() => parseUntil(text)).toThrow(/write 2027-01-31/)
  })

  test('goes with a name, a name with it, and both with workers that go on', () => {
    const until = '2027-01-31T10:00:00.000Z'
    expect(keepAliveOf({}, undefined)).toEqual({})
    expect(keepAliveOf({ keepAlive: 'logo', until }, undefined)).toEqual({
      keepAlive: { name: 'logo', until },
    })
    expect(() => keepAliveOf({ until }, undefined)).toThrow(/--keep-alive/)
    expect(() => keepAliveOf({ keepAlive: 'logo' }, undefined)).toThrow(/--until/)
    expect(() => keepAliveOf({ keepAlive: 'logo', until }, true)).toThrow(/--here/)
  })
})
