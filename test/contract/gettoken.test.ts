/** `GET gettoken?corpid&corpsecret` (document/path/91039; facts §7.1, §7.3). */

import { expect } from 'vitest'
import { defaultApp } from '../../src/simulator/index.ts'
import { gettoken, tokenOf } from '../simulator/wire.ts'
import { get, refusedWith, successOf } from './call.ts'
import { contract } from './platform.ts'

contract('gettoken', ['app'], ({ states, onlySimulated, onlySimulatedWith }) => {
  states('answers a token of at most 512 bytes and the seconds it has, 7200 at most', async platform => {
    const { corpId, secret } = platform
    const json = successOf(await get(platform, 'gettoken', { corpid: corpId, corpsecret: secret }))
    expect(json['access_token']).toMatch(/^[\x21-\x7e]{1,512}$/)
    expect(json['expires_in']).toBeTypeOf('number')
    expect(json['expires_in']).toBeGreaterThan(0)
    expect(json['expires_in']).toBeLessThanOrEqual(7_200)
  })

  states(
    'refuses a wrong secret with 40001, or 40091 where it looks like one of another company',
    async platform => {
      const query = { corpid: platform.corpId, corpsecret: 'wrong-secret-0123456789abcdefghijklmnopqrs' }
      refusedWith(await get(platform, 'gettoken', query), 40001, 40091)
    },
  )

  states('refuses a company that is not there with 40013', async platform => {
    const query = { corpid: 'ww0000000000000000', corpsecret: platform.secret }
    refusedWith(await get(platform, 'gettoken', query), 40013)
  })

  states('asks for the company (41002) and the secret (41004), also when they are empty', async platform => {
    const { corpId, secret } = platform
    refusedWith(await get(platform, 'gettoken', { corpsecret: secret }), 41002)
    refusedWith(await get(platform, 'gettoken', { corpid: '', corpsecret: secret }), 41002)
    refusedWith(await get(platform, 'gettoken', { corpid: corpId }), 41004, 41024)
    refusedWith(await get(platform, 'gettoken', { corpid: corpId, corpsecret: '' }), 41004, 41024)
  })

  onlySimulatedWith(
    { frozen: true },
    'a token is expired after its seconds, and a new one comes',
    async simulator => {
      const { json } = await gettoken(simulator)
      const mediaGet = (token: string) =>
        fetch(`${simulator.baseUrl}/media/get?access_token=${token}&media_id=unknown`).then(r => r.json())
      expect(json['expires_in']).toBe(7_200)
      simulator.advance(7_199_000)
      expect(await mediaGet(String(json['access_token']))).toMatchObject({ errcode: 40007 })
      simulator.advance(1_000)
      expect(await mediaGet(String(json['access_token']))).toMatchObject({ errcode: 42001 })
      expect(await mediaGet(await tokenOf(simulator))).toMatchObject({ errcode: 40007 })
    },
  )

  onlySimulated('a token may be taken back before its time, and is then 40014 or 42001', async simulator => {
    for (const errcode of [40014, 42001] as const) {
      const token = await tokenOf(simulator, defaultApp)
      simulator.invalidateTokens({ errcode })
      const answer = await fetch(`${simulator.baseUrl}/media/get?access_token=${token}&media_id=unknown`)
      expect(await answer.json()).toMatchObject({ errcode })
    }
  })
})
