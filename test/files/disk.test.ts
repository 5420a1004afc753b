import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { readingFault, writingFault } from '../../src/files/disk-fault.ts'
import { download } from '../../src/files/download.ts'
import { tempDir } from '../support/temp.ts'
import { always, platform, someBytes } from './platform.ts'

const run = promisify(execFile)
const child = join(import.meta.dirname, 'disk-full-child.ts')

test('D02: a full disk is told with its folder, publishes nothing, and the next attempt goes on from the verified slices', async () => {
  const dir = await tempDir()
  const content = someBytes(300_000)
  const contentPath = join(await tempDir(), 'content')
  await writeFile(contentPath, content)
  // Files of at most 150 KiB: two slices of 64 KiB fit, the third breaks in its middle.
  const limited = ['-c', 'ulimit -f 150 && exec "$0" "$@"', process.execPath, child, dir, contentPath]
  const { stdout } = await run('bash', limited)
  const ending = JSON.parse(stdout)
  expect(ending.kind).toBe('transient')
  expect(ending.message).toContain(`no room in "${dir}"`)
  expect(await readdir(dir)).toHaveLength(2)

  const { fetch, calls } = platform(content)
  const { signal } = new AbortController()
  const done = await download({ dir, id: 'job', fetch, sliceBytes: 65_536, signal })
  expect(done.resumedBytes).toBe(2 * 65_536)
  expect(calls).toHaveLength(3)
  expect((await readFile(await done.publish('x', always))).equals(content)).toBe(true)
})

const failing = (code: string): Error => Object.assign(new Error(`${code}: secret words`), { code })

test.each([
  ['ENOSPC', 'transient'],
  ['EDQUOT', 'transient'],
  ['EFBIG', 'transient'],
  ['EIO', 'transient'],
  ['EMFILE', 'transient'],
  ['ENOENT', 'config'],
  ['EACCES', 'config'],
  ['EROFS', 'config'],
])('%s while writing is %s, names the folder, and repeats no foreign words', (code, kind) => {
  const fault = writingFault(failing(code), '/downloads')
  expect(fault.kind).toBe(kind)
  expect(fault.message).toContain('"/downloads"')
  expect(fault.message).toContain(code)
  expect(fault.message).not.toContain('secret')
})

test.each([
  ['EACCES', 'config'],
  ['EMFILE', 'transient'],
  ['EIO', 'transient'],
  ['ELOOP', 'forbidden-address'],
])('%s while reading is %s', (code, kind) => {
  expect(readingFault(failing(code), 'x').kind).toBe(kind)
})

test('a fault stays what it is', () => {
  const fault = new Fault('gone', 'expired')
  expect(writingFault(fault, 'x')).toBe(fault)
  expect(readingFault(fault, 'x')).toBe(fault)
})
