/** `POST media/upload?access_token&type` (document/path/90253; facts §2). */

import { expect } from 'vitest'
import { mediaUrl, tokenOf as simulatedToken, upload } from '../simulator/wire.ts'
import { expectNow, get, jsonOf, post, postFile, refusedWith, type Sent, successOf, tokenOf } from './call.ts'
import {
  amr,
  badTokenCodes,
  formatCodes,
  jpg,
  kindCodes,
  mib,
  mp4,
  padded,
  parameterCodes,
  pdf,
  png,
  silence,
  sizeCodes,
  text,
  tooSmallCodes,
} from './contents.ts'
import { contract, type Platform } from './platform.ts'

const send = async (platform: Platform, type: string, sent: Sent) =>
  postFile(platform, 'media/upload', { access_token: await tokenOf(platform), type }, sent)

const named = (filename: string) => `form-data; name="media"; filename="${filename}"`

contract('media/upload', ['app'], ({ states, statesWith, onlySimulated, onlySimulatedWith }) => {
  for (const [type, filename, content, partType] of [
    ['image', 'a.png', png, 'image/png'],
    ['image', 'a.jpg', jpg, 'image/jpeg'],
    ['voice', 'a.amr', amr, 'voice/amr'],
    ['video', 'a.mp4', mp4, 'video/mp4'],
    ['file', 'a.pdf', pdf, 'application/octet-stream'],
  ] as const) {
    states(`takes ${filename} as ${type}, and answers type, media_id and created_at`, async platform => {
      const answer = await send(platform, type, { content, disposition: named(filename), type: partType })
      const { media_id, created_at, ...json } = successOf(answer)
      expect(json['type']).toBe(type)
      expect(media_id).toMatch(/^[\w*-]{10,256}$/)
      expectNow(created_at)
    })
  }

  states('takes filelength, unquoted, and 6 bytes', async platform => {
    const disposition = 'form-data; name="media";filename="wework.txt"; filelength=6'
    successOf(await send(platform, 'file', { content: 'mytext', disposition }))
  })

  states('gives each upload a media_id of its own', async platform => {
    const ids = [
      await send(platform, 'file', { content: text }),
      await send(platform, 'file', { content: text }),
    ]
    expect(new Set(ids.map(answer => successOf(answer)['media_id'])).size).toBe(2)
  })

  states('refuses 5 bytes', async platform => {
    refusedWith(await send(platform, 'file', { content: '12345' }), ...tooSmallCodes)
  })

  for (const [type, content, maxMib] of [
    ['image', png, 10],
    ['voice', amr, 2],
    ['video', mp4, 10],
    ['file', pdf, 20],
  ] as const) {
    states(`refuses more than ${maxMib} MB as ${type}`, async platform => {
      const codes = [...sizeCodes, ...(type === 'voice' ? [45007] : [])]
      refusedWith(await send(platform, type, { content: padded(content, maxMib * mib + 1) }), ...codes)
    })
  }

  for (const [type, content, what] of [
    ['image', text, 'text'],
    ['image', mp4, 'a video'],
    ['voice', png, 'a picture'],
    ['video', text, 'text'],
  ] as const) {
    states(`refuses ${what} as ${type}`, async platform => {
      refusedWith(await send(platform, type, { content }), ...formatCodes[type])
    })
  }

  states('refuses a voice of more than 60 s', async platform => {
    refusedWith(await send(platform, 'voice', { content: silence(3_051) }), 45007, 45001, 301016)
  })

  states('refuses a type that is not there, and none', async platform => {
    const access_token = await tokenOf(platform)
    const codes = [...kindCodes, ...parameterCodes]
    for (const type of ['audio', 'IMAGE', ''])
      refusedWith(await send(platform, type, { content: text }), ...codes)
    refusedWith(await postFile(platform, 'media/upload', { access_token }, { content: text }), ...codes)
  })

  for (const [what, sent] of [
    ['no file name', { content: text, disposition: 'form-data; name="media"' }],
    ['another field than media', { content: text, disposition: 'form-data; name="other"; filename="a"' }],
    ['no bytes', { content: '' }],
    [
      'its name as filename* only',
      { content: text, disposition: `form-data; name="media"; filename*=utf-8''%E6%8A%A5.txt` },
    ],
  ] as const satisfies readonly (readonly [string, Sent])[]) {
    states(`finds no file (44001) in a part with ${what}`, async platform => {
      refusedWith(await send(platform, 'file', sent), 44001)
    })
  }

  states('finds no file (44001) in a body that is not multipart', async platform => {
    const query = { access_token: await tokenOf(platform), type: 'file' }
    refusedWith(await post(platform, 'media/upload', query, { media: 'a file' }), 44001)
  })

  states('asks for a token in the query: none is 41001, another is 40014', async platform => {
    const ask = async (query: Readonly<Record<string, string>>) =>
      postFile(platform, 'media/upload', { type: 'file', ...query }, { content: text })
    refusedWith(await ask({}), 41001)
    refusedWith(await ask({ access_token: '' }), 41001)
    refusedWith(await ask({ access_token: 'made-up' }), ...badTokenCodes)
    refusedWith(await ask({ suite_access_token: 'made-up' }), 41001)
  })

  statesWith('provider', 'does not take the token of a provider', async platform => {
    const { corpId, secret } = platform.provider
    const body = { corpid: corpId, provider_secret: secret }
    const token = successOf(await post(platform, 'service/get_provider_token', {}, body))
    const access_token = String(token['provider_access_token'])
    const query = { access_token, type: 'file' }
    refusedWith(await postFile(platform, 'media/upload', query, { content: text }), ...badTokenCodes)
  })

  states('says in words what it refuses, and never with another status than 200', async platform => {
    const { errmsg } = jsonOf(await send(platform, 'audio', { content: text }))
    expect(errmsg).toMatch(/\S/)
  })

  states('answers a medium that media/get gives back byte by byte', async platform => {
    const { media_id } = successOf(await send(platform, 'file', { content: pdf }))
    const query = { access_token: await tokenOf(platform), media_id: String(media_id) }
    expect((await get(platform, 'media/get', query)).body.equals(pdf)).toBe(true)
  })

  onlySimulatedWith(
    { startMs: 1_700_000_000_000, frozen: true },
    'a media_id lives 3 days',
    async simulator => {
      const { json } = await upload(simulator)
      const ask = async () => (await fetch(await mediaUrl(simulator, String(json['media_id'])))).text()
      simulator.advance(3 * 86_400_000 - 1_000)
      expect(await ask()).toBe('some text')
      simulator.advance(1_000)
      expect(await ask()).toContain('40007')
    },
  )

  onlySimulated(
    'an image with a wrong filelength is refused with 40123 (its text says so)',
    async simulator => {
      const disposition = 'form-data; name="media"; filename="a.png"; filelength=7'
      const { json } = await upload(simulator, { type: 'image', content: png, disposition })
      expect(json['errcode']).toBe(40123)
    },
  )

  onlySimulated(
    'a body in chunks, without Content-Length, is HTTP 412 (seen on a sister host)',
    async simulator => {
      const url = `${simulator.baseUrl}/media/upload?access_token=${await simulatedToken(simulator)}&type=file`
      const body = new Blob([text]).stream()
      expect((await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)).status).toBe(412)
    },
  )
})
