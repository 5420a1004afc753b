import { describe, expect, test } from 'vitest'
import { kinds } from '../../src/fault.ts'
import { errcodes } from '../../src/wecom/errcodes.ts'
import { errcodeFault } from '../../src/wecom/errors.ts'

/** Facts §2.4, §3.2, §7.3, §9, §10: what gettoken, media/upload and media/get can answer. */
const listed = [
  -1, 40001, 40004, 40005, 40006, 40007, 40009, 40011, 40013, 40014, 40058, 40063, 40091, 40123, 40206, 41001,
  41002, 41004, 41006, 41024, 42001, 44001, 45001, 45007, 45009, 45031, 45033, 48002, 48006, 50003, 60020,
  301016, 301017, 301019, 301042, 40080, 40082, 40083, 40084, 40085, 41021, 41022, 41023, 41025, 42009, 48003,
  48004, 830002,
]

describe('the table of errcodes', () => {
  test.each(listed)('%i has a row', code => {
    const row = errcodes[code]
    expect(kinds).toContain(row?.kind)
    expect(row?.en).not.toBe('')
    expect(row?.zh).toMatch(/[\u4e00-\u9fff]/)
  })

  test('every kind that means waiting says how long, except busy, which is counted elsewhere', () => {
    for (const { kind, waitMs } of Object.values(errcodes)) {
      expect(waitMs !== undefined).toBe(kind === 'limit' || kind === 'unavailable')
    }
  })

  test.each([
    [-1, 'busy', undefined],
    [40007, 'gone', undefined],
    [40014, 'token', undefined],
    [42001, 'token', undefined],
    [45009, 'limit', 60_000],
    [45033, 'limit', 3_000],
    [60020, 'unavailable', 60_000],
    [44001, 'rejected', undefined],
    [48002, 'config', undefined],
  ])('%i is %s', (code, kind, waitMs) => {
    expect(errcodeFault('media/upload', code)).toMatchObject({ kind, waitMs, errcode: code })
  })
})

describe('the message of a refusal', () => {
  test('names the address that the platform saw and says what to do', () => {
    const errmsg =
      'not allow to access from your ip, hint: [1700000000_12_abc], from ip: 203.0.113.9, more info at https://x'
    const { message } = errcodeFault('media/upload', 60020, errmsg)
    expect(message).toContain('203.0.113.9')
    expect(message).toContain('1700000000_12_abc')
    expect(message).toContain('trusted IPs')
  })

  test('quotes an unknown code on one line without anything like a token', () => {
    const errmsg = `odd\r\n access_token=${'x'.repeat(64)} thing, hint: [1], from ip: 203.0.113.9`
    const { kind, errcode, message } = errcodeFault('media/get', 99_999, errmsg)
    expect({ kind, errcode }).toEqual({ kind: 'rejected', errcode: 99_999 })
    expect(message).toContain('odd')
    expect(message).not.toMatch(/[\r\n]|x{20}|203\.0/)
  })
})
