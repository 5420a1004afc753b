/** `GET media/get?access_token&media_id` and `media/get/jssdk` (document/path/90254 and 90255; facts §3, §4). */

import { expect } from 'vitest'
import { defaultApp, type Simulator } from '../../src/simulator/index.ts'
import { mediaUrl } from '../simulator/wire.ts'
import { get, refusedWith, tokenOf, uploaded } from './call.ts'
import { badTokenCodes, mib, pdf, text } from './contents.ts'
import { contract, type Platform } from './platform.ts'

const ask = async (platform: Platform, mediaId: string, range?: string) => {
  const query = { access_token: await tokenOf(platform), media_id: mediaId }
  return get(platform, 'media/get', query, range === undefined ? {} : { Range: range })
}

const hd = async (platform: Platform, mediaId: string) =>
  get(platform, 'media/get/jssdk', { access_token: await tokenOf(platform), media_id: mediaId })

/** The header as it was meant: raw UTF-8, which HTTP gives back as Latin-1. */
const dispositionOf = (headers: Headers): string =>
  Buffer.from(headers.get('content-disposition') ?? '', 'latin1').toString()

contract('media/get', ['app'], ({ states, onlySimulated, onlySimulatedWith }) => {
  states('gives the bytes as an attachment with their length', async platform => {
    const { status, headers, body } = await ask(platform, await uploaded(platform, { content: pdf }))
    expect([status, headers.get('content-length')]).toEqual([200, String(pdf.length)])
    expect(headers.get('content-disposition')).toMatch(/^attachment\s*;/i)
    expect(headers.get('error-code') ?? '0').toBe('0')
    expect(body.equals(pdf)).toBe(true)
  })

  for (const name of ['季度报告 一.pdf', 'plain.pdf', '%E6%8A%A5.pdf']) {
    states(`gives the name ${name} back as it was sent in UTF-8, percent signs too`, async platform => {
      const disposition = `form-data; name="media"; filename="${name}"`
      const { headers } = await ask(platform, await uploaded(platform, { content: pdf, disposition }))
      const encoded = encodeURIComponent(name)
      const forms = [`filename="${name}"`, `filename*=utf-8''${encoded}`]
      const given = dispositionOf(headers)
      expect(
        forms.some(form => given.toLowerCase().includes(form.toLowerCase())),
        given,
      ).toBe(true)
    })
  }

  for (const content of ['{"errcode":40007,"errmsg":"a file"}', '{"errcode":0}', '<html></html>']) {
    states(`gives a file of the text ${content} as a file, and not as an error`, async platform => {
      const { status, headers, body } = await ask(platform, await uploaded(platform, { content }))
      expect([status, body.toString()]).toEqual([200, content])
      expect(headers.get('content-disposition')).toMatch(/^attachment/i)
      expect(headers.get('error-code') ?? '0').toBe('0')
    })
  }

  states('gives one part with 206 and Content-Range, and the parts are the whole', async platform => {
    const mediaId = await uploaded(platform, { content: pdf })
    const parts: Buffer[] = []
    for (const [start, end] of [
      [0, 1_023],
      [1_024, 9_215],
      [9_216, pdf.length - 1],
    ] as const) {
      const { status, headers, body } = await ask(platform, mediaId, `bytes=${start}-${end}`)
      expect(status).toBe(206)
      expect(headers.get('content-range')).toBe(`bytes ${start}-${end}/${pdf.length}`)
      expect(headers.get('content-length')).toBe(String(end - start + 1))
      expect(headers.get('accept-ranges')).toBe('bytes')
      parts.push(body)
    }
    expect(Buffer.concat(parts).equals(pdf)).toBe(true)
  })

  states('cuts a part that reaches past the end', async platform => {
    const mediaId = await uploaded(platform, { content: text })
    const { status, headers, body } = await ask(platform, mediaId, `bytes=16-${8 * mib - 1}`)
    expect([status, body.toString()]).toEqual([206, text.subarray(16).toString()])
    expect(headers.get('content-range')).toBe(`bytes 16-${text.length - 1}/${text.length}`)
  })

  states('refuses an unknown media_id with 40007, with a Range too', async platform => {
    refusedWith(await ask(platform, '1made-up-0123456789'), 40007)
    refusedWith(await ask(platform, '1made-up-0123456789', 'bytes=0-1023'), 40007)
  })

  states('asks for a media_id (41006) and a token (41001, 40014)', async platform => {
    const access_token = await tokenOf(platform)
    refusedWith(await get(platform, 'media/get', { access_token }), 41006)
    refusedWith(await get(platform, 'media/get', { access_token, media_id: '' }), 41006)
    refusedWith(await get(platform, 'media/get', { media_id: 'x' }), 41001)
    refusedWith(await get(platform, 'media/get', { media_id: 'x', access_token: 'no' }), ...badTokenCodes)
  })

  /** Read to its end: the fetch of this Node ends the process when a body is cut that nobody reads. */
  const outcome = async (simulator: Simulator, mediaId: string, headers = {}, app = defaultApp) => {
    const answer = await fetch(await mediaUrl(simulator, mediaId, app), { headers })
    const body = Buffer.from(await answer.arrayBuffer())
    const isJson = answer.headers.get('content-type')?.startsWith('application/json')
    return isJson ? JSON.parse(body.toString()).errcode : answer.status
  }

  const other = { corpId: 'ww_other', secret: 'other' }
  onlySimulatedWith(
    { apps: [defaultApp, other] },
    'a medium belongs to its company: all its apps, no other',
    async simulator => {
      const { mediaId } = await simulator.addMedia({ sizeBytes: 10 })
      const second = { ...defaultApp, secret: 'another app' }
      simulator.addApp(second)
      expect(await outcome(simulator, mediaId, {}, second)).toBe(200)
      expect(await outcome(simulator, mediaId, {}, other)).toBe(40007)
    },
  )

  onlySimulated('more than 20 MB at once is 830002, whole or as a part', async simulator => {
    const { mediaId } = await simulator.addMedia({ kind: 'async', sizeBytes: 21 * mib })
    expect(await outcome(simulator, mediaId)).toBe(830002)
    expect(await outcome(simulator, mediaId, { Range: `bytes=0-${20 * mib}` })).toBe(830002)
    expect(await outcome(simulator, mediaId, { Range: `bytes=0-${20 * mib - 1}` })).toBe(206)
  })

  onlySimulated(
    'parts of an encrypted medium are multiples of 16 bytes, but for the last',
    async simulator => {
      const { mediaId } = await simulator.addMedia({ encrypted: true, sizeBytes: 100 })
      expect(await outcome(simulator, mediaId, { Range: 'bytes=0-16' })).toBe(830002)
      for (const range of ['bytes=0-15', 'bytes=96-99'])
        expect(await outcome(simulator, mediaId, { Range: range })).toBe(206)
    },
  )
})

contract('media/get/jssdk', ['app'], ({ states, statesWith }) => {
  statesWith(
    'hd-voice',
    'gives a voice of JS-SDK as whole frames of 60 bytes, as an attachment',
    async platform => {
      const { status, headers, body } = await hd(platform, platform.hdVoiceId)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toMatch(/^voice\/speex\b/)
      expect(headers.get('content-disposition')).toMatch(/^attachment\s*;/i)
      expect(headers.get('content-length')).toBe(String(body.length))
      expect([body.length > 0, body.length % 60]).toEqual([true, 0])
    },
  )

  states('refuses what did not come through JS-SDK, and what is unknown, with 40007', async platform => {
    refusedWith(await hd(platform, await uploaded(platform, { content: pdf })), 40007)
    refusedWith(await hd(platform, '1made-up-0123456789'), 40007)
  })

  states('asks for a media_id (41006) and a token (41001, 40014)', async platform => {
    refusedWith(await hd(platform, ''), 41006)
    refusedWith(await get(platform, 'media/get/jssdk', { media_id: 'x' }), 41001)
    const query = { media_id: 'x', access_token: 'made-up' }
    refusedWith(await get(platform, 'media/get/jssdk', query), ...badTokenCodes)
  })
})
