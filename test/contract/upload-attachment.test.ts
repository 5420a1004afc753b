/** `POST media/upload_attachment?access_token&media_type&attachment_type` (document/path/95098; facts §2.5). */

import { expect } from 'vitest'
import { defaultApp } from '../../src/simulator/index.ts'
import { postFile as simulatedFile, tokenOf as simulatedToken } from '../simulator/wire.ts'
import { expectNow, postFile, refusedWith, type Sent, successOf, tokenOf } from './call.ts'
import {
  badTokenCodes,
  formatCodes,
  jpg,
  kindCodes,
  mib,
  mp4,
  padded,
  parameterCodes,
  pdf,
  sizeCodes,
  text,
  tooSmallCodes,
} from './contents.ts'
import { contract, type Platform } from './platform.ts'

const method = 'media/upload_attachment'

const send = async (platform: Platform, type: string, scene: string, sent: Sent) => {
  const query = { access_token: await tokenOf(platform), media_type: type, attachment_type: scene }
  return postFile(platform, method, query, sent)
}

const sceneCodes = [41072, ...kindCodes, ...parameterCodes] as const

contract(method, ['app', 'customer-contact'], ({ states, onlySimulatedWith }) => {
  for (const [type, scene, filename, content] of [
    ['image', '1', 'a.jpg', jpg],
    ['video', '1', 'a.mp4', mp4],
    ['image', '2', 'a.jpg', jpg],
    ['video', '2', 'a.mp4', mp4],
    ['file', '2', '报告.pdf', pdf],
  ] as const) {
    states(`takes ${type} for scene ${scene}`, async platform => {
      const disposition = `form-data; name="media"; filename="${filename}"`
      const json = successOf(await send(platform, type, scene, { content, disposition }))
      expect(json).toMatchObject({ type, media_id: expect.stringMatching(/^[\w*-]{10,256}$/) })
      expectNow(json['created_at'])
    })
  }

  for (const [type, scene, content] of [
    ['file', '1', pdf],
    ['voice', '1', pdf],
    ['voice', '2', pdf],
    ['image', '3', jpg],
    ['image', '', jpg],
    ['other', '1', jpg],
  ] as const) {
    states(`takes no ${type} for scene ${scene || 'none'}`, async platform => {
      refusedWith(await send(platform, type, scene, { content }), ...sceneCodes)
    })
  }

  states('calls its parameter media_type: type does not count', async platform => {
    const query = { access_token: await tokenOf(platform), type: 'image', attachment_type: '1' }
    refusedWith(await postFile(platform, method, query, { content: jpg }), ...sceneCodes)
  })

  states('refuses what is too small, too large and no MP4', async platform => {
    refusedWith(await send(platform, 'file', '2', { content: '12345' }), 41080, ...tooSmallCodes)
    const large = { content: padded(jpg, 10 * mib + 1) }
    refusedWith(await send(platform, 'image', '1', large), 41080, 41081, ...sizeCodes)
    refusedWith(await send(platform, 'video', '1', { content: text }), ...formatCodes.video)
  })

  states('finds no file (44001) without a file name', async platform => {
    const sent = { content: jpg, disposition: 'form-data; name="media"' }
    refusedWith(await send(platform, 'image', '1', sent), 44001)
  })

  states('asks for a token (41001, 40014)', async platform => {
    const ask = (query: Readonly<Record<string, string>>) =>
      postFile(platform, method, { media_type: 'image', attachment_type: '1', ...query }, { content: jpg })
    refusedWith(await ask({}), 41001)
    refusedWith(await ask({ access_token: 'made-up' }), ...badTokenCodes)
  })

  onlySimulatedWith(
    { apps: [{ ...defaultApp, permissions: [] }] },
    'asks for 客户联系: 48002 without',
    async simulator => {
      const query = `access_token=${await simulatedToken(simulator)}&media_type=image&attachment_type=1`
      const { json } = await simulatedFile(simulator, `${method}?${query}`, jpg)
      expect(json['errcode']).toBe(48002)
    },
  )
})
