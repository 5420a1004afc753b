/** Callbacks as the platform's rules make them, computed once and for all, apart from our code. Source: facts §8.4. */

import { type CallbackRequest, callbackKeys, type Party } from '../../callback/index.ts'

const corpId = 'ww0123456789abcdef'
/** Of nobody's: they only stand here. */
const keys = callbackKeys('TestToken01', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPA')

const vectorParty: Party = {
  id: 'vectors',
  keys,
  verifiedAs: [corpId],
  serves: corp => corp === corpId,
}
export const vectorAtMs = 1_700_000_000_000
/** What the check asks to see again, and the job that the event is about. */
export const vectorEcho = '123456'
export const vectorJobId = 'jobid_TEST_0001'

const timestamp = '1700000000'
const nonce = 'n0nce123'

export const checkVector: CallbackRequest = {
  verb: 'GET',
  party: vectorParty,
  query: {
    ...{ timestamp, nonce, msg_signature: 'e88ec305f50570ffa09b61504367f210479b0115' },
    echostr: 'VSeTrqfq2X3miGjs8DuXdRL0SkgWmiz8ZZqa1ZGzdcF0h8NJImYOlPUfvp1gE+VKncAfkdnp7/wDewuCqzxQZQ==',
  },
  body: Buffer.alloc(0),
}

const encrypt = [
  'VSeTrqfq2X3miGjs8DuXdQSeOL9NWU6z+uJ0Gihiw4DGlQdN+OcG/RIN8Tsrv6JLGzL6rGpKzdM0cRrLnYg0mPTgPrWebHn3EuzmCiWd',
  'v7hhZKxBe9J3kzDuvuvvROqraC1x63LHQ0iuTdxMLrCaGRl3nseyh4L2PjRjyREfzkm8rzAC3eGs38oxrbZDT0zY3uNr8x3fsT09o1dJ',
  'QjMmkYA+YzD4AGe9VDQyA2kGpz8eC2XQsqEESd8TPW8Ihd+nbtsUgMwkIOxPxvbD8zSrdZvxEQaJJPJe3iTEXS0ca/hQzcU54fnkunhz',
  'XGxbdzH3XRCQk4pX1APv4x1IbFbaUHXAE3LmNKW0BIuIvVXMF2YWRnfxA229fgbQOZdzlCjML/07qdgL9DlCUNKACtymJHqxlu7oDiy2',
  'zU2JmvC7ACk=',
].join('')

export const deliveryVector: CallbackRequest = {
  verb: 'POST',
  party: vectorParty,
  query: { timestamp, nonce, msg_signature: '05fafaece053d44738ad61df9ef5c292068317e5' },
  body: Buffer.from(`<xml><Encrypt><![CDATA[${encrypt}]]></Encrypt></xml>`),
}
