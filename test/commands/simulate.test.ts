import { expect, test } from 'vitest'
import { failure, runMany, start } from './cli.ts'

interface Ready {
  readonly baseUrl: string
  readonly corpId: string
  readonly secret: string
  readonly control: string
}

test('simulate tells where it is, works, and ends with 0 at Ctrl-C', async () => {
  const cli = start(['simulate', '--corp', 'ww1', '--secret', 's1'], {})
  const { baseUrl, corpId, secret, control } = await cli.line<Ready>()
  expect({ corpId, secret }).toEqual({ corpId: 'ww1', secret: 's1' })
  const answer = await fetch(`${baseUrl}/gettoken?corpid=ww1&corpsecret=s1`)
  expect(await answer.json()).toMatchObject({ errcode: 0, access_token: expect.any(String) })
  expect(await (await fetch(`${control}/log`)).json()).toMatchObject({ calls: [{ method: 'gettoken' }] })

  const port = new URL(baseUrl).port
  const [taken] = await runMany([{ args: ['simulate', '--port', port] }])
  if (!taken) return expect.unreachable()
  expect(failure(taken)).toEqual({ code: 2, kind: 'invalid', message: expect.stringContaining(port) })

  cli.signal('SIGINT')
  expect(await cli.ended).toEqual({ code: 0, signal: null })
  expect(cli.stdout().trimEnd().split('\n')).toHaveLength(1)
})
