/** `wecom-media explain`: needs no settings, no Redis and no network. */

import { beforeAll, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { outcomeOf } from '../../src/processors/outcome.ts'
import { errcodes } from '../../src/wecom/errcodes.ts'
import { failure, runMany, type Said } from './cli.ts'

const codes = Object.keys(errcodes)
let said: readonly Said[] = []
beforeAll(async () => {
  said = await runMany([...codes, '12345', 'soon'].map(code => ({ args: ['explain', code] })))
})

test('every code of the table is explained with its kind and what jobs do about it', () => {
  expect(codes).toContain('-1')
  for (const [index, text] of codes.entries()) {
    const errcode = Number(text)
    const { kind, waitMs, ...row } = errcodes[errcode] ?? expect.unreachable()
    const { code, object, lines } = said[index] ?? expect.unreachable()
    expect({ code, lines }).toEqual({ code: 0, lines: [] })
    expect(object).toMatchObject({ errcode, kind, ...row, doc: expect.stringContaining(`e=${errcode}`) })
    const why = new Fault(kind, '', waitMs === undefined ? {} : { waitMs })
    const { as, ...rest } = outcomeOf(why, { busyTries: 0, remainingMs: 1e9, isLastAttempt: false })
    expect(object['job']).toEqual('ms' in rest ? { as, ms: rest.ms } : { as })
  }
})

test('a code that is not in the table ends with 1 and the page to look at, a word with 2', () => {
  const [unknown, word] = said.slice(-2)
  const told = failure(unknown ?? expect.unreachable())
  expect(told).toMatchObject({ code: 1, kind: 'not-found' })
  expect(told.message).toContain('https://open.work.weixin.qq.com/devtool/query?e=12345')
  expect(failure(word ?? expect.unreachable())).toMatchObject({ code: 2, kind: 'invalid' })
})
