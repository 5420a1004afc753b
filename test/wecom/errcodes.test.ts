import { describe, expect, test } from 'vitest'
import { kinds } from '../../src/fault.ts'
import { errcodes, explainErrcode } from '../../src/wecom/errcodes.ts'
import { errcodeFault } from '../../src/wecom/errors.ts'

/** Every number of the facts sheet that is an errcode: §1.3, §2.4, §2.5, §3, §6, §7.3, §9, §10, §11. */
const listed = [
  -1, 40001, 40004, 40005, 40006, 40007, 40009, 40011, 40013, 40014, 40058, 40063, 40080, 40082, 40083, 40084,
  40085, 40088, 40091, 40123, 40206, 41001, 41002, 41004, 41005, 41006, 41021, 41022, 41023, 41024, 41025,
  41072, 41080, 41081, 41082, 41090, 42001, 42004, 42009, 43001, 43002, 43003, 44001, 45001, 45007, 45009,
  45031, 45033, 47001, 48002, 48003, 48004, 48006, 50003, 60020, 301015, 301016, 301017, 301019, 301042,
  301048, 770006, 790000, 830001, 830002, 830003, 830004,
]

describe('the table of errcodes', () => {
  test.each(listed)('%i has a row', code => {
    const row = errcodes[code]
    expect(kinds).toContain(row?.kind)
    expect(row?.en).not.toBe('')
    expect(row?.zh).toMatch(/[\u4e00-\u9fff]/)
    expect(row?.act).not.toBe('')
  })

  test('has no other rows, so that each has a source', () => {
    expect(Object.keys(errcodes).map(Number).toSorted()).toEqual(listed.toSorted())
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
    [42009, 'token', undefined],
    [40082, 'token', undefined],
    [40085, 'unavailable', 60_000],
    [40088, 'gone', undefined],
    [830001, 'rejected', undefined],
    [830003, 'transient', undefined],
    [301019, 'rejected', undefined],
    [41072, 'wrong-type', undefined],
    [41080, 'too-big', undefined],
  ])('%i is %s', (code, kind, waitMs) => {
    expect(errcodeFault('media/upload', code)).toMatchObject({ kind, waitMs, errcode: code })
  })
})

describe('an explanation', () => {
  test('says what a code means in two languages, whose turn it is, what to do, and where it stands', () => {
    expect(explainErrcode(45033)).toEqual({
      code: 45033,
      kind: 'limit',
      waitMs: 3_000,
      en: 'too many calls at the same time',
      zh: '接口并发调用超过限制',
      who: 'nobody',
      act: expect.stringContaining('concurrency'),
      doc: 'https://open.work.weixin.qq.com/devtool/query?e=45033',
    })
    expect(explainErrcode(60020)).toMatchObject({
      who: 'administrator',
      act: expect.stringContaining('企业可信IP'),
    })
    expect(explainErrcode(40085)).toMatchObject({ who: 'provider' })
  })

  test.each([0, 99_999, Number.NaN])('of %d is none', code => {
    expect(explainErrcode(code)).toBeUndefined()
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
