/** The tokens of third-party apps and providers, and `service/media/upload` (facts §2.5, §7.2, §7.3). */

import { expect } from 'vitest'
import {
  askCorpToken,
  askSuiteToken,
  startProvider,
  suite,
  suiteTokenOf,
  tenant,
} from '../simulator/providers.ts'
import { expectNow, post, postFile, refusedWith, successOf, tokenOf } from './call.ts'
import { badTokenCodes, kindCodes, parameterCodes, pdf, png } from './contents.ts'
import { contract, type Platform } from './platform.ts'

const askSuite = (platform: Platform, over: object = {}) => {
  const { suiteId, secret, ticket } = platform.suite
  const body = { suite_id: suiteId, suite_secret: secret, suite_ticket: ticket, ...over }
  return post(platform, 'service/get_suite_token', {}, body)
}

const askCorp = (platform: Platform, suite_access_token: string, over: object = {}) => {
  const { corpId, permanentCode } = platform.suite
  const body = { auth_corpid: corpId, permanent_code: permanentCode, ...over }
  return post(platform, 'service/get_corp_token', { suite_access_token }, body)
}

const askProvider = (platform: Platform, over: object = {}) => {
  const { corpId, secret } = platform.provider
  return post(
    platform,
    'service/get_provider_token',
    {},
    { corpid: corpId, provider_secret: secret, ...over },
  )
}

const suiteToken = async (platform: Platform) =>
  String(successOf(await askSuite(platform))['suite_access_token'])
const corpToken = async (platform: Platform) =>
  String(successOf(await askCorp(platform, await suiteToken(platform)))['access_token'])
const providerToken = async (platform: Platform) =>
  String(successOf(await askProvider(platform))['provider_access_token'])

/** Any kind of token: up to 512 visible bytes, up to two hours. */
function expectToken(json: Readonly<Record<string, unknown>>, field: string): void {
  expect(json[field]).toMatch(/^[\x21-\x7e]{1,512}$/)
  expect(json['expires_in']).toBeGreaterThan(0)
  expect(json['expires_in']).toBeLessThanOrEqual(7_200)
}

contract('service/get_suite_token', ['suite'], ({ states, onlySimulated }) => {
  states('answers suite_access_token for id, secret and ticket', async platform => {
    expectToken(successOf(await askSuite(platform)), 'suite_access_token')
  })

  states(
    'refuses an id (40083), a secret (40080) and a ticket (40085) that are not right',
    async platform => {
      refusedWith(await askSuite(platform, { suite_id: 'ww0000000000000000' }), 40083)
      refusedWith(await askSuite(platform, { suite_secret: 'wrong' }), 40080)
      refusedWith(await askSuite(platform, { suite_ticket: 'wrong' }), 40085)
    },
  )

  states('asks for id (41021), secret (41024, 41004) and ticket (41023)', async platform => {
    refusedWith(await askSuite(platform, { suite_id: undefined }), 41021)
    refusedWith(await askSuite(platform, { suite_secret: undefined }), 41024, 41004)
    refusedWith(await askSuite(platform, { suite_ticket: undefined }), 41023)
  })

  onlySimulated('a ticket is good for 30 minutes', async () => {
    const simulator = await startProvider({ frozen: true })
    const ticket = simulator.issueTicket(suite.suiteId)
    simulator.advance(30 * 60_000 - 1)
    expect((await askSuiteToken(simulator, ticket)).json).toHaveProperty('suite_access_token')
    simulator.advance(1)
    expect((await askSuiteToken(simulator, ticket)).json['errcode']).toBe(40085)
  })
})

contract('service/get_corp_token', ['suite'], ({ states, onlySimulated }) => {
  states('answers an access_token of the company, good for media methods', async platform => {
    const json = successOf(await askCorp(platform, await suiteToken(platform)))
    expectToken(json, 'access_token')
    const query = { access_token: String(json['access_token']), type: 'file' }
    successOf(await postFile(platform, 'media/upload', query, { content: pdf }))
  })

  states(
    'refuses a permanent code that is not right with 40084, and asks for one (41025)',
    async platform => {
      const token = await suiteToken(platform)
      refusedWith(await askCorp(platform, token, { permanent_code: 'wrong' }), 40084)
      refusedWith(await askCorp(platform, token, { permanent_code: undefined }), 41025)
    },
  )

  states('asks for the token of a suite: none is 41022, another 40082', async platform => {
    refusedWith(await askCorp(platform, ''), 41022)
    refusedWith(await askCorp(platform, 'made-up'), 40082)
    refusedWith(await askCorp(platform, await corpToken(platform)), 40082, ...badTokenCodes)
  })

  states('media methods do not take the token of the suite itself', async platform => {
    const query = { access_token: await suiteToken(platform), type: 'file' }
    refusedWith(await postFile(platform, 'media/upload', query, { content: pdf }), ...badTokenCodes)
  })

  onlySimulated('a suite token is 42009 after two hours; a company that withdrew is 48004', async () => {
    const simulator = await startProvider({ frozen: true })
    const token = await suiteTokenOf(simulator)
    simulator.directory.revoke(tenant)
    expect((await askCorpToken(simulator, token)).json['errcode']).toBe(48004)
    simulator.advance(7_200_000)
    expect((await askCorpToken(simulator, token)).json['errcode']).toBe(42009)
  })
})

contract('service/get_provider_token', ['provider'], ({ states }) => {
  states('answers provider_access_token', async platform => {
    expectToken(successOf(await askProvider(platform)), 'provider_access_token')
  })

  states('refuses an unknown company (40013), asks for it (41002) and for the secret', async platform => {
    refusedWith(await askProvider(platform, { corpid: 'ww0000000000000000' }), 40013)
    refusedWith(await askProvider(platform, { corpid: undefined }), 41002)
    refusedWith(await askProvider(platform, { provider_secret: undefined }), 41024, 41004)
  })

  states('refuses a wrong secret', async platform => {
    refusedWith(await askProvider(platform, { provider_secret: 'wrong' }), 40001, 40091)
  })
})

contract('service/media/upload', ['provider'], ({ states, statesWith }) => {
  const send = async (platform: Platform, query: object = {}, filename = '报告.pdf', token?: string) =>
    postFile(
      platform,
      'service/media/upload',
      { provider_access_token: token ?? (await providerToken(platform)), type: 'file', ...query },
      { content: pdf, disposition: `form-data; name="media"; filename="${filename}"` },
    )

  states('takes a file, and one for the cashier', async platform => {
    for (const query of [{}, { attachment_type: '3' }]) {
      const json = successOf(await send(platform, query))
      expect(json).toMatchObject({ type: 'file', media_id: expect.stringMatching(/^[\w*-]{10,256}$/) })
      expectNow(json['created_at'])
    }
  })

  for (const filename of ['/a.pdf', 'a:b.pdf', 'a\\b.pdf']) {
    states(`refuses the name ${filename}`, async platform => {
      refusedWith(await send(platform, {}, filename), ...parameterCodes, ...kindCodes, 44001)
    })
  }

  states('refuses another attachment_type than 3', async platform => {
    refusedWith(await send(platform, { attachment_type: '1' }), 41072, ...parameterCodes)
  })

  statesWith('app', 'asks for the token of a provider: none, made up and of an app', async platform => {
    const query = { type: 'image', access_token: await tokenOf(platform) }
    const sent = { content: png }
    refusedWith(await postFile(platform, 'service/media/upload', query, sent), 41001, ...badTokenCodes)
    for (const token of ['made-up', await tokenOf(platform)])
      refusedWith(await send(platform, {}, 'a.pdf', token), ...badTokenCodes, 40082)
  })
})
