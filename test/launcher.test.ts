import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startNode } from './support/processes.ts'
import { tempDir } from './support/temp.ts'
import { until } from './support/until.ts'

/** What the launcher starts here: a `main` that does what its argument says. */
const main = `
export const main = async ([what, ...rest]) => {
  if (what === 'wait') {
    console.log(JSON.stringify({ pid: process.pid }))
    setInterval(() => {}, 1000)
    await new Promise(resolve => process.on('SIGTERM', resolve))
    return 5
  }
  if (what === 'deaf') {
    console.log(JSON.stringify({ what }))
    await new Promise(resolve => setTimeout(resolve, 60_000))
  }
  if (what === 'forget') await new Promise(() => {})
  if (what === 'die') process.kill(process.pid, 'SIGKILL')
  console.log(JSON.stringify({ what, rest }))
  setInterval(() => {}, 1000) // Something is left open.
  return 7
}`

/** Makes the launcher believe that it runs under Node 20. */
const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })"

/** Makes the launcher believe that it is the first process of a container; the kernel still treats it as any other. */
const first = "Object.defineProperty(process, 'pid', { value: 1 })"

/** An installed package, with or without the npm package `node` beside it. */
const install = async ({ withNode }: { withNode: boolean }) => {
  const modules = join(await tempDir(), 'node_modules')
  const home = join(modules, 'wecom-media')
  for (const folder of [join(home, 'bin'), join(home, 'dist'), join(modules, 'node/bin')])
    await mkdir(folder, { recursive: true })
  await copyFile(join(import.meta.dirname, '../bin/wecom-media.js'), join(home, 'bin/wecom-media.js'))
  await writeFile(join(home, 'package.json'), '{"type":"module"}')
  await writeFile(join(home, 'dist/main.js'), main)
  const old20 = join(modules, 'old.mjs')
  await writeFile(old20, old)
  const first1 = join(modules, 'first.mjs')
  await writeFile(first1, first)
  const beside = join(modules, 'node/bin/node')
  if (withNode) {
    await writeFile(beside, `#!/bin/sh\nunset NODE_OPTIONS\nexec '${process.execPath}' "$@"\n`)
    await chmod(beside, 0o755)
  }
  const launcher = join(home, 'bin/wecom-media.js')
  return {
    home,
    run: (...args: string[]) => startNode(launcher, { args }),
    runFirst: (...args: string[]) =>
      startNode(launcher, { args, env: { NODE_OPTIONS: `--import=${first1}` } }),
    runOld: (...args: string[]) => startNode(launcher, { args, env: { NODE_OPTIONS: `--import=${old20}` } }),
  }
}

describe('the launcher', () => {
  test('hands arguments on and ends with the code it is told, even when something is left open', async () => {
    const { run } = await install({ withNode: false })
    const cli = run('do', '--it', '季度')
    expect(await cli.line()).toEqual({ what: 'do', rest: ['--it', '季度'] })
    expect(await cli.ended).toEqual({ code: 7, signal: null })
  })

  test('as the first process of a container ends at a signal that nobody listens for yet', async () => {
    const { runFirst } = await install({ withNode: false })
    const deaf = runFirst('deaf')
    await deaf.line()
    deaf.signal('SIGTERM')
    expect(await deaf.ended).toEqual({ code: 143, signal: null })
    const listening = runFirst('wait')
    await listening.line()
    listening.signal('SIGTERM')
    expect(await listening.ended).toEqual({ code: 5, signal: null })
  })

  test('under an old Node starts the one beside it, with the same arguments and the same end', async () => {
    const { runOld } = await install({ withNode: true })
    const cli = runOld('do', 'a b')
    expect(await cli.line()).toEqual({ what: 'do', rest: ['a b'] })
    expect(await cli.ended).toEqual({ code: 7, signal: null })
  })

  test('takes a command that never answers for a failure', async () => {
    const { run } = await install({ withNode: false })
    expect(await run('forget').ended).toEqual({ code: 1, signal: null })
  })

  test('passes SIGTERM on and waits for the end', async () => {
    const { runOld } = await install({ withNode: true })
    const cli = runOld('wait')
    const { pid } = await cli.line<{ pid: number }>()
    expect(pid).not.toBe(cli.pid)
    cli.signal('SIGTERM')
    expect(await cli.ended).toEqual({ code: 5, signal: null })
  })

  test('takes its other self along when it is killed', async () => {
    const { runOld } = await install({ withNode: true })
    const cli = runOld('wait')
    const { pid } = await cli.line<{ pid: number }>()
    cli.signal('SIGKILL')
    await until('the other self ends', () => {
      try {
        return !process.kill(pid, 0)
      } catch {
        return true
      }
    })
  })

  test('dies of the signal that its other self died of', async () => {
    const { runOld } = await install({ withNode: true })
    expect(await runOld('die').ended).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('under an old Node with no other says so in one line', async () => {
    const { runOld } = await install({ withNode: false })
    const cli = runOld('do')
    expect(await cli.ended).toEqual({ code: 1, signal: null })
    expect(cli.stderr()).toMatch(/^wecom-media: Node 20\.20\.2 is too old: .+\n$/)
  })

  test('without its dependencies says what to run', async () => {
    const { home, run } = await install({ withNode: false })
    await writeFile(join(home, 'dist/main.js'), "import 'no-such-package'")
    const cli = run('do')
    expect(await cli.ended).toEqual({ code: 1, signal: null })
    expect(cli.stderr()).toMatch(/^wecom-media: .*no-such-package.* Run "npm ci" in .+\n$/)
  })
})
