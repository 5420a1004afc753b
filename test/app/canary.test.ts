/** S09 of notes/reliability.md: a worker that tells everything it knows, through success and every kind of trouble, shows no secret. */

import { expect, test } from 'vitest'
import { account, callbackKeys, type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'

test('no secret and no token stands in any line or on the page of metrics, and lines are told apart by job', async () => {
  const signed = 'Signature0fNoValue'
  const it = await deploy({ callback: true, env: { LOG_LEVEL: 'trace', WECOM_MEDIA_URLS: 'public' } })
  const worker = await it.startWorker()
  const source = { path: await it.put('a.txt', 'six bytes') }
  const upload = (name: string) => it.producer.upload({ type: 'file', source, name, reuse: 'never' })
  const first = await upload('first.txt')
  await it.producer.result(first, { timeoutMs: 10_000 })
  const tokens = new Set([await tokenIn(it)])
  // A token that is refused, a line that is cut, a code that nobody knows, a URL that must not be asked.
  it.simulator.invalidateTokens()
  it.simulator.faults.add({ method: 'media/upload', do: 'cut-request', how: 'reset' })
  await it.producer.result(await upload('second.txt'), { timeoutMs: 10_000 })
  it.simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 987_654 })
  await it.producer.result(await upload('third.txt'), { timeoutMs: 10_000 }).catch(() => undefined)
  const url = `https://user:${signed}@127.0.0.1/a.jpg?sign=${signed}`
  const strange = await it.producer.upload({ type: 'image', source: { url } }).catch(() => undefined)
  if (strange) await it.producer.result(strange, { timeoutMs: 10_000 }).catch(() => undefined)
  await fetch(`${it.callbackUrl}?msg_signature=${signed}&timestamp=1&nonce=1&echostr=${signed}`)
  tokens.add(await tokenIn(it))
  const page = await (await fetch(`${urlOf(worker.stdout())}/metrics`)).text()
  const log = await until('the last line', () =>
    worker.stderr().includes('"msg":"callback"') ? worker.stderr() : undefined,
  )
  const secrets = [account.secret, callbackKeys.token, callbackKeys.aesKey, signed, ...tokens]
  expect(tokens.size).toBe(2)
  for (const secret of secrets) for (const text of [log, page]) expect(text).not.toContain(secret)
  const lines = log
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  const ofFirst = lines.filter(({ job }) => job === first.id)
  expect(ofFirst.map(({ method, name }) => method ?? name)).toEqual(['media/upload', 'media.upload'])
  for (const line of ofFirst) expect(line).toMatchObject({ app: 'default', corp: account.corpId })
  expect(
    lines.filter(({ errcode, level }) => errcode === 987_654 && level === 'warn').length,
  ).toBeGreaterThan(0)
})

/** The one that the fleet uses now. */
async function tokenIn({ redis, namespace }: Deployment): Promise<string> {
  const [key = ''] = (await redis.keys(`${namespace}:token:*`)).filter(
    name => !/:(lock|door|refused.*)$/.test(name),
  )
  return JSON.parse((await redis.get(key)) ?? '{}').value
}

const urlOf = (stdout: string): string => JSON.parse(stdout.split('\n')[0] ?? '{}').url
