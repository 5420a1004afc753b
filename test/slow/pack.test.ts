/** The packed tarball in an empty project, as a stranger gets it: real npm, real registry, production dependencies only. */

import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
/** Without what npm sets for scripts of this repository; ours is the Node in front of PATH. */
const env = Object.fromEntries(
  Object.entries({ ...process.env, REDIS_URL: inject('redisUrl') }).filter(([name]) => !/^npm_/i.test(name)),
)

let project = ''
const inProject = (command: string, ...args: string[]) => run(command, args, { cwd: project, env })
const node = (...args: string[]) => inProject(process.execPath, ...args)

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'wecom-media-pack-'))
  await run('npm', ['pack', '--pack-destination', project], { cwd: root, env })
  const tarball = (await readdir(project)).find(file => file.endsWith('.tgz')) ?? ''
  await writeFile(join(project, 'package.json'), '{"name":"stranger","private":true,"type":"module"}')
  await inProject('npm', 'install', '--omit=dev', '--no-audit', '--no-fund', `./${tarball}`)
})

afterAll(() => rm(project, { recursive: true, force: true }))

test('the tarball holds what runs and what people read, and no sources', async () => {
  const installed = await readdir(join(project, 'node_modules/wecom-media'))
  expect(installed).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', 'bin', 'demo', 'deploy', 'dist', 'package.json']),
  )
  expect(installed).not.toContain('src')
  expect(installed).not.toContain('test')
  expect(await readdir(join(project, 'node_modules'))).not.toContain('testcontainers')
})

test('the types of all three entries resolve, and their programs work', async () => {
  await copyFile(join(root, 'test/fixtures/consumer.ts.txt'), join(project, 'consumer.ts'))
  const compilerOptions = {
    ...{
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      exactOptionalPropertyTypes: true,
      outDir: 'out',
    },
    ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
  }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
  const checked = await inProject(join(root, 'node_modules/.bin/tsc'), '-p', '.').catch(error => error)
  expect(checked.stdout).toBe('')
  const { stdout } = await node('out/consumer.js')
  expect(JSON.parse(stdout)).toEqual({
    name: '季度报告.pdf',
    same: true,
    kind: 'gone',
    id: expect.any(String),
  })
})

test('the command explains itself, and its demo brings every file back', async () => {
  const bin = join(project, 'node_modules/.bin/wecom-media')
  expect((await node(bin, '--help')).stdout).toContain('wecom-media')
  await node(bin, 'demo') // Rejects on any other exit code than 0.
})
