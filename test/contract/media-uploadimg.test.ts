/** `POST media/uploadimg?access_token` (document/path/90256; facts §5). Only two statements send a whole image. */

import { expect } from 'vitest'
import { tokenOf as simulatedToken, uploadimg } from '../simulator/wire.ts'
import { post, postFile, refusedWith, successOf, tokenOf } from './call.ts'
import { badTokenCodes, formatCodes, mib, padded, png, sizeCodes, text } from './contents.ts'
import { contract, type Platform } from './platform.ts'

const field = 'form-data; name="fieldNameHere"; filename="20180103195745.png"'

const send = async (platform: Platform, content: Uint8Array | string, disposition = field) => {
  const query = { access_token: await tokenOf(platform) }
  return postFile(platform, 'media/uploadimg', query, { content, disposition, type: 'image/png' })
}

contract('media/uploadimg', ['app'], ({ states, statesWith, onlySimulatedWith }) => {
  statesWith('quota', 'answers a URL, whatever the field is called', async platform => {
    const { url } = successOf(await send(platform, png))
    expect(URL.parse(String(url))?.protocol).toMatch(/^https?:$/)
  })

  statesWith('quota', 'refuses more than 2 MB', async platform => {
    refusedWith(await send(platform, padded(png, 2 * mib + 1)), ...sizeCodes, ...formatCodes.image)
  })

  states('finds no file (44001) without a file name, without bytes, without multipart', async platform => {
    refusedWith(await send(platform, text, 'form-data; name="media"'), 44001)
    refusedWith(await send(platform, ''), 44001)
    const query = { access_token: await tokenOf(platform) }
    refusedWith(await post(platform, 'media/uploadimg', query, {}), 44001)
  })

  states('asks for a token (41001, 40014)', async platform => {
    const ask = (query: Readonly<Record<string, string>>) =>
      postFile(platform, 'media/uploadimg', query, { content: png, disposition: field })
    refusedWith(await ask({}), 41001)
    refusedWith(await ask({ access_token: 'made-up' }), ...badTokenCodes)
  })

  onlySimulatedWith(
    { switches: { checkPermanentImage: false } },
    '5 bytes are enough, 4 are not',
    async simulator => {
      expect((await uploadimg(simulator, { content: '12345' })).json['errcode']).toBe(0)
      expect((await uploadimg(simulator, { content: '1234' })).json['errcode']).toBe(40006)
    },
  )

  onlySimulatedWith(
    { frozen: true },
    'the same image twice costs two units; over 1,000 a day is 45009 until the next',
    async simulator => {
      const token = await simulatedToken(simulator)
      const codeOf = async () => (await uploadimg(simulator, { content: png, token })).json['errcode']
      simulator.limits.change({ rules: { imageDay: { calls: 2 } } })
      expect([await codeOf(), await codeOf(), await codeOf()]).toEqual([0, 0, 45009])
      simulator.advance(86_400_000)
      expect((await uploadimg(simulator, { content: png })).json['errcode']).toBe(0)
    },
  )
})
