import { decrypt, getSignature } from '@wecom/crypto'
import { describe, expect, it, test } from 'vitest'
import { encryptCallback, signCallback } from '../../src/simulator/callback-crypto.ts'
import { jobFinished, ticketPushed, userMessage, xml } from '../../src/simulator/callback-xml.ts'

const aesKey = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPA'
const corpId = 'ww0123456789abcdef'
const random = Buffer.from('0123456789abcdef')

/** Computed once, apart from this code: `notes/wecom-facts.md` §8.4. */
const vectors = [
  {
    what: 'a message whose padding is more than one AES block',
    message: '123456',
    encrypted: 'VSeTrqfq2X3miGjs8DuXdRL0SkgWmiz8ZZqa1ZGzdcF0h8NJImYOlPUfvp1gE+VKncAfkdnp7/wDewuCqzxQZQ==',
    signature: 'e88ec305f50570ffa09b61504367f210479b0115',
  },
  {
    what: 'the event of a finished job',
    message: jobFinished(corpId, 'jobid_TEST_0001', 1_700_000_000),
    encrypted:
      'VSeTrqfq2X3miGjs8DuXdQSeOL9NWU6z+uJ0Gihiw4DGlQdN+OcG/RIN8Tsrv6JLGzL6rGpKzdM0cRrLnYg0mPTgPrWebHn3EuzmCiWdv7hhZKxBe9J3kzDuvuvvROqraC1x63LHQ0iuTdxMLrCaGRl3nseyh4L2PjRjyREfzkm8rzAC3eGs38oxrbZDT0zY3uNr8x3fsT09o1dJQjMmkYA+YzD4AGe9VDQyA2kGpz8eC2XQsqEESd8TPW8Ihd+nbtsUgMwkIOxPxvbD8zSrdZvxEQaJJPJe3iTEXS0ca/hQzcU54fnkunhzXGxbdzH3XRCQk4pX1APv4x1IbFbaUHXAE3LmNKW0BIuIvVXMF2YWRnfxA229fgbQOZdzlCjML/07qdgL9DlCUNKACtymJHqxlu7oDiy2zU2JmvC7ACk=',
    signature: '05fafaece053d44738ad61df9ef5c292068317e5',
  },
]

describe('encryption and signature', () => {
  test.each(vectors)('agree with the vector: $what', ({ message, encrypted, signature }) => {
    expect(encryptCallback(aesKey, message, corpId, random)).toBe(encrypted)
    expect(signCallback('TestToken01', '1700000000', 'n0nce123', encrypted)).toBe(signature)
  })

  it('signs as the vector of another library', () => {
    const encrypted =
      '6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt9w=='
    expect(
      signCallback('kjr2TKI8umCBfVF3wAHk8JiPwma5VBme', '1583940690', 'VHh7ymSeb0jc4lSb', encrypted),
    ).toBe('1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011')
  })

  it('is read by another implementation, whatever the length', () => {
    for (let length = 0; length < 70; length += 1) {
      const message = '汉'.repeat(length)
      const encrypted = encryptCallback(aesKey, message, corpId, random)
      expect(Buffer.from(encrypted, 'base64').length % 32).toBe(0)
      expect(decrypt(aesKey, encrypted)).toMatchObject({ message, id: corpId })
      expect(signCallback('T', '17', 'n', encrypted)).toBe(getSignature('T', '17', 'n', encrypted))
    }
  })
})

describe('the messages', () => {
  it('write texts as CDATA that nothing breaks out of, and numbers plain', () => {
    expect(xml({ A: 'x', B: 7, C: 'a]]>b' })).toBe(
      '<xml><A><![CDATA[x]]></A><B>7</B><C><![CDATA[a]]]]><![CDATA[>b]]></C></xml>',
    )
  })

  it('have the fields of the samples', () => {
    const about = { msgId: 5, nowS: 9 }
    const to = { corpId, agentId: '1000002' }
    const fields = (text: string): string[] => [...text.matchAll(/<(\w+)>/g)].map(([, name]) => `${name}`)
    const common = ['xml', 'ToUserName', 'FromUserName', 'CreateTime', 'MsgType']
    expect(fields(userMessage({ type: 'image', mediaId: 'm' }, to, about))).toEqual([
      ...[...common, 'PicUrl', 'MediaId', 'MsgId', 'AgentID'],
    ])
    const voice = userMessage({ type: 'voice', mediaId: 'm' }, to, about)
    expect(fields(voice)).toEqual([...common, 'MediaId', 'Format', 'MsgId', 'AgentID'])
    expect(voice).toContain('<AgentID>1000002</AgentID>')
    expect(fields(userMessage({ type: 'video', mediaId: 'm' }, to, about))).toEqual([
      ...[...common, 'MediaId', 'ThumbMediaId', 'MsgId', 'AgentID'],
    ])
    expect(ticketPushed('ww_suite', 'tick', 9)).toBe(
      '<xml><SuiteId><![CDATA[ww_suite]]></SuiteId><InfoType><![CDATA[suite_ticket]]></InfoType><TimeStamp>9</TimeStamp><SuiteTicket><![CDATA[tick]]></SuiteTicket></xml>',
    )
  })
})
