/** The oldest Node that `engines` names runs a checkout as it is. */

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { tempDir } from '../support/temp.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

test('the demo runs under the oldest Node that package.json allows', async () => {
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const oldest = `${engines.node.replace('>=', '')}.0`
  const folder = await tempDir()
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, allowScripts: { node: true } }),
  )
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
  await run('npm', ['install', '--no-audit', '--no-fund', `node@${oldest}`], { cwd: folder, env })
  const node = join(folder, 'node_modules/node/bin/node')
  expect((await run(node, ['--version'])).stdout).toBe(`v${oldest}\n`)
  const { stderr } = await run(node, [join(root, 'bin/wecom-media.js'), 'demo'], {
    env: { ...env, REDIS_URL: inject('redisUrl') },
  })
  expect(stderr).toContain('5 of 5 files came back with the same bytes')
})
