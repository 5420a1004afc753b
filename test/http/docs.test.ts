/** docs/api.md and its twin against what is served: operations, statuses, and the commands, which are run. */

import { execFile } from 'node:child_process'
import { cp, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { tempDir } from '../support/temp.ts'
import { deployApi } from './api.ts'

const home = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const pages = await Promise.all(
  ['docs/api.md', 'docs/api.zh-CN.md'].map(name => readFile(join(home, name), 'utf8')),
)
const commands = pages.map(page => /^```sh api\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '')

/** %header{…} came with 7.84. */
const hasCurl = await run('curl', ['--version']).then(
  ({ stdout }) => Number(/^curl (\d+\.\d+)/.exec(stdout)?.[1]?.replace('.', '')) >= 784,
  () => false,
)

test.runIf(hasCurl)('the commands of the page do what it says (needs curl 7.84)', async () => {
  const api = await deployApi()
  const path = await api.put('there.txt', 'a file to download')
  const posted = await api.shop.call('POST', '/v1/jobs/upload', { type: 'file', source: { path } })
  const { result } = (await api.shop.call('GET', `${posted.body.url}?wait=15`)).body
  const cwd = await tempDir()
  await cp(join(home, 'demo/photo.jpg'), join(cwd, 'photo.jpg'))
  const env = { ...process.env, API: api.url, TOKEN: api.shop.token, MEDIA_ID: result.mediaId }
  const { stdout } = await run('bash', ['-euc', commands[0] ?? ''], { cwd, env })
  expect(stdout.match(/"state":"done"/g)).toHaveLength(2)
  expect(stdout).toContain('"name":"media.upload-image"')
  expect(stdout).toContain('"limits":[')
  expect((await stat(join(cwd, 'got.jpg'))).size).toBe('a file to download'.length)
  expect(commands[1]).toBe(commands[0])
})

test('the pages list every operation, and every status that an operation may answer', async () => {
  const api = await deployApi({ only: 'http' })
  const { paths } = (await (await fetch(`${api.url}/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { responses: object }>>
  }
  const operations = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map(verb => `${verb.toUpperCase()} ${path}`),
  )
  const statuses = new Set(
    Object.values(paths).flatMap(verbs =>
      Object.values(verbs).flatMap(({ responses }) =>
        Object.keys(responses).filter(status => status >= '400'),
      ),
    ),
  )
  for (const page of pages) {
    const rows = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, first]) => first ?? '')
    expect(rows.filter(row => row.includes('/')).toSorted()).toEqual(operations.toSorted())
    expect(rows.filter(row => /^\d+$/.test(row))).toEqual([...statuses].toSorted())
  }
})
