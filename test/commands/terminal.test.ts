/** What a person sees: the same commands on a terminal, which util-linux' `script` makes. */

import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { createBar, sizeOf } from '../../src/commands/bar.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { startNode } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { envOf } from './cli.ts'

const clear = '\r\x1b[K'

const hasScript = (() => {
  try {
    execFileSync('setpriv', ['--version'])
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
  } catch {
    return false
  }
})()

describe.runIf(hasScript)('on a terminal', () => {
  let there: Deployment
  beforeAll(async () => {
    there = await deploy()
    await there.put('photo.jpg', await readFile(join(import.meta.dirname, '../../demo/photo.jpg')))
    await there.put('five.jpg', '12345')
  })

  /** `script` passes the terminal's keys on from its stdin, and ends as the command ends. */
  const onTerminal = (...args: string[]) => {
    const launcher = join(import.meta.dirname, '../../bin/wecom-media.js')
    const quoted = [process.execPath, launcher, ...args].map(part => `'${part}'`).join(' ')
    const child = startNode(join(import.meta.dirname, 'terminal-child.ts'), {
      args: [quoted],
      env: envOf(there),
      cwd: there.root,
    })
    return child
  }

  test('a result is text, and a bar is shown while bytes move and is gone after', async () => {
    there.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const cli = onTerminal('upload', 'image', 'photo.jpg', '--here')
    await there.simulator.waitFor({ method: 'media/upload', state: 'held' })
    await until('a bar', () => cli.stdout().includes('█'))
    there.simulator.release()
    expect((await cli.ended).code).toBe(0)
    const [bar = '', after = ''] = cli
      .stdout()
      .split(clear)
      .filter(part => part !== '')
      .slice(-2)
    expect(bar).toMatch(/^\r?█+ 100 % {2}33\.3 KiB of 33\.3 KiB/)
    expect(after).toMatch(
      /^media_id {2}\S+\r\nfile {6}photo\.jpg \(image, 33\.3 KiB\)\r\nexpires {3}[\d :-]+\r\n$/,
    )
  })

  test('a failure is one line', async () => {
    const cli = onTerminal('upload', 'image', 'five.jpg', '--here')
    expect((await cli.ended).code).toBe(1)
    expect(cli.stdout()).toMatch(/^wecom-media: [^\r\n]*5 bytes[^\r\n]*\r\n$/)
  })

  test('Ctrl-C takes the bar away and says one line', async () => {
    there.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const cli = onTerminal('upload', 'image', 'photo.jpg', '--here', '--no-reuse')
    await until('a bar', () => cli.stdout().includes('█'))
    cli.send({ keys: '\x03' })
    expect((await cli.ended).code).toBe(130)
    const last = cli.stdout().split(clear).at(-1)
    expect(last).toMatch(/^wecom-media: interrupted[^\r\n]*\r\n$/)
  })

  test('many jobs run again only when a person says so', async () => {
    await there.producer.upload({ type: 'image', source: { path: 'none.jpg' } })
    const worker = await there.startHere()
    const failed = async () => (await there.redis.zcard(`${there.namespace}:upload:failed`)) === 1
    await until('it has failed', failed)
    await worker.stop()
    const retry = async (keys: string) => {
      const cli = onTerminal('jobs', 'retry', '--kind', 'not-found')
      await until('a question', () => cli.stdout().includes('Run 1 jobs again (1 × not-found)? [y/N]'))
      cli.send({ keys })
      return { code: (await cli.ended).code, text: cli.stdout() }
    }
    expect(await retry('\r')).toMatchObject({
      code: 130,
      text: expect.stringContaining('nothing was run again'),
    })
    expect(await retry('\x03')).toMatchObject({ code: 130, text: expect.stringContaining('interrupted') })
    expect(await failed()).toBe(true)
    expect(await retry('y\r')).toMatchObject({ code: 0, text: expect.stringMatching(/run again {2}1\r\n$/) })
    expect(await failed()).toBe(false)
  })
})

describe('the bar', () => {
  const drawn = (isTTY: boolean) => {
    const written: string[] = []
    const bar = createBar({ isTTY, write: (text: string) => written.push(text) > 0 } as never)
    return { bar, written }
  }

  test('is drawn again only when it changed, and cleared only when it was drawn', () => {
    const { bar, written } = drawn(true)
    bar.clear()
    for (const doneBytes of [0, 512, 512, 1024]) bar.show({ doneBytes, totalBytes: 1024 })
    bar.clear()
    bar.clear()
    expect(written).toHaveLength(4)
    expect(written[0]).toContain('  0 %  0 bytes of 1.0 KiB')
    expect(written[1]).toMatch(/█{15}░{15} {2}50 % {2}512 bytes of 1\.0 KiB/)
    expect(written[3]).toBe(clear)
  })

  test('needs no total, fits a narrow terminal, and is not for files', () => {
    const { bar, written } = drawn(true)
    bar.show({ doneBytes: 5 * 1024 * 1024 })
    bar.show({ doneBytes: 199 * 1024 * 1024, totalBytes: 200 * 1024 * 1024 })
    bar.show(undefined)
    expect(written[0]).toContain('5.0 MiB')
    expect(written[1]).toContain(' 99 %')
    expect(written[1]?.length).toBeLessThan(80)
    expect(written).toHaveLength(2)
    const file = drawn(false)
    file.bar.show({ doneBytes: 1, totalBytes: 2 })
    file.bar.clear()
    expect(file.written).toEqual([])
  })

  test.each([
    [0, '0 bytes'],
    [1023, '1023 bytes'],
    [1024, '1.0 KiB'],
    [34_074, '33.3 KiB'],
    [20 * 1024 * 1024, '20.0 MiB'],
  ])('%i bytes are shown as %s', (bytes, text) => expect(sizeOf(bytes)).toBe(text))
})
