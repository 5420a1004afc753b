/** `POST media/upload_by_url` and `media/get_upload_by_url_result` (document/path/96219; facts §6). */

import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { defaultApp } from '../../src/simulator/index.ts'
import { getJson, postJson, tokenOf as simulatedToken } from '../simulator/wire.ts'
import { startFileOrigin } from '../support/file-origin.ts'
import { expectNow, get, post, postFile, refusedWith, successOf, tokenOf } from './call.ts'
import { badTokenCodes, kindCodes, parameterCodes, text } from './contents.ts'
import { contract, type Platform } from './platform.ts'

const submitMethod = 'media/upload_by_url'
const resultMethod = 'media/get_upload_by_url_result'
/** Candidates of the global list; the page names none (facts §6.2). */
const unknownJobCodes = [40088, 770006, 790000] as const

const request = (over: Readonly<Record<string, unknown>> = {}) => ({
  scene: 1,
  type: 'file',
  filename: '文件.bin',
  url: 'https://absent.invalid/file',
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  ...over,
})

const submit = async (platform: Platform, body: unknown) =>
  post(platform, submitMethod, { access_token: await tokenOf(platform) }, body)

const result = async (platform: Platform, body: unknown) =>
  post(platform, resultMethod, { access_token: await tokenOf(platform) }, body)

interface End {
  readonly status: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** Asks until the job has ended. Whatever became of it, the answer itself is a success. */
async function endOf(platform: Platform, body: unknown): Promise<End> {
  const { jobid } = successOf(await submit(platform, body))
  expect(jobid).toMatch(/^[\x21-\x7e]{1,128}$/)
  for (;;) {
    const { status, detail } = successOf(await result(platform, { jobid }))
    expect(['1', '2', '3']).toContain(String(status))
    if (String(status) !== '1') return { status: String(status), detail: detail as End['detail'] }
    await delay(platform.pollMs)
  }
}

contract(
  'asynchronous upload',
  ['app', 'customer-contact'],
  ({ states, statesWith, onlySimulated, onlySimulatedWith }) => {
    statesWith('source', 'fetches the URL and ends with a media_id that media/get serves', async platform => {
      const source = Buffer.from(await (await fetch(platform.sourceUrl)).arrayBuffer())
      const md5 = createHash('md5').update(source).digest('hex')
      const { status, detail } = await endOf(platform, request({ url: platform.sourceUrl, md5 }))
      expect(status).toBe('2')
      expect(detail['errcode'] ?? 0).toBe(0)
      expectNow(detail['created_at'])
      const query = { access_token: await tokenOf(platform), media_id: String(detail['media_id']) }
      const { status: got, body } = await get(platform, 'media/get', query, { Range: 'bytes=0-1023' })
      expect([got, body.equals(source.subarray(0, 1_024))]).toEqual([206, true])
    })

    statesWith('source', 'ends with 301019 when the MD5 is another', async platform => {
      const { status, detail } = await endOf(platform, request({ url: platform.sourceUrl }))
      expect([status, detail['errcode']]).toEqual(['3', 301019])
      expect(detail['media_id'] ?? '').toBe('')
    })

    states('ends with 830001 or 830003 when there is nothing at the URL', async platform => {
      const { status, detail } = await endOf(platform, request())
      expect(status).toBe('3')
      expect([830001, 830003]).toContain(detail['errcode'])
    })

    states('makes a job of each request, the same one too', async platform => {
      const ids = [await submit(platform, request()), await submit(platform, request())]
      expect(new Set(ids.map(answer => successOf(answer)['jobid'])).size).toBe(2)
    })

    for (const [what, over] of [
      ['another scene than 1', { scene: 2 }],
      ['no scene', { scene: undefined }],
      ['type image', { type: 'image' }],
      ['type voice', { type: 'voice' }],
      ['no file name', { filename: undefined }],
      ['a file name of 129 bytes, 43 characters', { filename: '图'.repeat(43) }],
      ['no URL', { url: undefined }],
      ['a URL of 1025 bytes', { url: `https://absent.invalid/${'x'.repeat(1_025 - 23)}` }],
      ['no MD5', { md5: undefined }],
      ['an MD5 of 33 bytes', { md5: 'a'.repeat(33) }],
    ] as const) {
      states(`refuses ${what}`, async platform => {
        refusedWith(await submit(platform, request(over)), ...parameterCodes, ...kindCodes)
      })
    }

    states('refuses a form where JSON is wanted', async platform => {
      const query = { access_token: await tokenOf(platform) }
      refusedWith(await postFile(platform, submitMethod, query, { content: text }), ...parameterCodes, 47001)
    })

    states('knows no made-up jobid', async platform => {
      const answer = await result(platform, { jobid: `jobid_${'x'.repeat(43)}` })
      refusedWith(answer, ...unknownJobCodes, ...parameterCodes)
    })

    states('asks for a jobid of at most 128 bytes', async platform => {
      for (const body of [{}, { jobid: '' }, { jobid: 'x'.repeat(129) }])
        refusedWith(await result(platform, body), ...parameterCodes, ...unknownJobCodes)
    })

    states('both methods ask for a token (41001, 40014)', async platform => {
      for (const method of [submitMethod, resultMethod]) {
        refusedWith(await post(platform, method, {}, request()), 41001)
        const query = { access_token: 'made-up' }
        refusedWith(await post(platform, method, query, request()), ...badTokenCodes)
      }
    })

    onlySimulatedWith(
      { switches: { asyncDelayMs: 'hold' }, frozen: true },
      'a job is running until its end shows, and has no detail till then',
      async simulator => {
        const origin = await startFileOrigin()
        const url = origin.put('/file', text)
        const md5 = createHash('md5').update(text).digest('hex')
        const access = `access_token=${await simulatedToken(simulator)}`
        const { json } = await postJson(simulator, `${submitMethod}?${access}`, request({ url, md5 }))
        const look = async () => (await postJson(simulator, `${resultMethod}?${access}`, json)).json
        expect(await look()).toMatchObject({ errcode: 0, status: 1 })
        expect(await look()).not.toHaveProperty('detail')
        await simulator.finishJobs()
        expect(await look()).toMatchObject({
          errcode: 0,
          status: 2,
          detail: { media_id: expect.any(String) },
        })
        simulator.advance(60 * 60_000 - 1)
        expect(await look()).toMatchObject({ errcode: 0, status: 2 })
        simulator.advance(1)
        expect(await look()).toMatchObject({ errcode: 40088 })
      },
    )

    onlySimulated('a host without Range is 830001, a file of 5 bytes 45001', async simulator => {
      const access = `access_token=${await simulatedToken(simulator)}`
      for (const [ranges, content, errcode] of [
        [false, 'plenty of bytes', 830001],
        [true, '12345', 45001],
      ] as const) {
        const url = (await startFileOrigin({ ranges })).put('/file', Buffer.from(content))
        const { json } = await postJson(simulator, `${submitMethod}?${access}`, request({ url }))
        await simulator.finishJobs()
        const end = await postJson(simulator, `${resultMethod}?${access}`, json)
        expect(end.json).toMatchObject({ errcode: 0, status: 3, detail: { errcode } })
      }
    })

    onlySimulatedWith(
      { apps: [{ ...defaultApp, permissions: [] }] },
      'both methods ask for 客户联系: 48002 without',
      async simulator => {
        for (const method of [submitMethod, resultMethod]) {
          const path = `${method}?access_token=${await simulatedToken(simulator)}`
          expect((await postJson(simulator, path, request())).json['errcode']).toBe(48002)
        }
        const other = `${simulator.baseUrl}/media/get?access_token=${await simulatedToken(simulator)}&media_id=x`
        expect((await getJson(other)).json['errcode']).toBe(40007)
      },
    )
  },
)
