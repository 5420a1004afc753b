/** Times in the past, as operators say them: by the clock of the host, whatever its zone. */

import { expect, test } from 'vitest'
import { parseSince } from '../../src/commands/jobs/since.ts'

const at = (hours: number, minutes = 0) => new Date(2026, 10, 25, hours, minutes).getTime()
const noon = at(12)

test.each([
  ['30m', at(14), at(13, 30)],
  ['2h', at(14), at(12)],
  ['1d', at(14), at(14) - 86_400_000],
  ['noon', at(14), noon],
  ['12:00', at(14), noon],
  ['9:30', at(14), at(9, 30)],
  ['noon', noon, noon],
])('%s', (text, nowMs, ms) => {
  expect(parseSince(text, nowMs)).toBe(ms)
})

test('a time of day that is still to come today means that of yesterday', () => {
  expect(parseSince('noon', at(11))).toBe(new Date(2026, 10, 24, 12).getTime())
})

test('a date is read with its zone', () => {
  expect(parseSince('2026-11-25T12:00:00Z', Date.UTC(2026, 10, 26))).toBe(Date.UTC(2026, 10, 25, 12))
})

test.each([
  '',
  'yesterday',
  '24:00',
  '12:60',
  '2w',
  '-2h',
  '2026-13-01',
  '1700000000',
  '2026-11-27',
])('"%s" is none, told with what can be written', text => {
  expect(() => parseSince(text, Date.UTC(2026, 10, 26))).toThrow(/write noon, 12:00, 2h/)
})
