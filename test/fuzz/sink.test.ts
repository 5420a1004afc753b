/**
 * S05: hostile names as a sink. No wrong acceptance: a file is published straight into its folder under the very name
 * that was given, and nothing else on the disk is made, changed or followed. No crash: anything else is a `Fault`.
 */

import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { PartialFile } from '../../src/files/partial.ts'
import { publishedExtension, safeName } from '../../src/files/safe-name.ts'
import { openSpool } from '../../src/files/spool.ts'
import { tempDir } from '../support/temp.ts'
import { orFault } from './faults.ts'
import { hostileText } from './hostile.ts'

/** Every file and link below, with what is in it; the folder `but` is left out. */
async function tree(folder: string, but?: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (but !== undefined && path.startsWith(`${but}/`)) continue
    if (entry.isSymbolicLink()) found[path] = `-> ${await readlink(path)}`
    else found[path] = entry.isFile() ? await readFile(path, 'utf8') : 'folder'
  }
  return found
}

const words = [
  '. .. / // ../x ../../x /tmp/x a/b a/../b ./a a/ a/. /etc/passwd a\\b ..\\x C:\\x \\\\host\\x a\0 a\0.png \0 a\nb a\rb',
  '-rf -- ~ ~root $HOME %2e%2e%2fx ..%2fx ．．／x a.txt 图.png con nul.txt * ? link out out-dir folder \ud800',
  'file:///etc/passwd http://x/y \u202egpj.exe',
]
const names = [...words.flatMap(line => line.split(' ')), '', ' ', ' a', 'x'.repeat(300), '图'.repeat(90)]

describe('a sink', () => {
  const sink = async () => {
    const dir = join(await tempDir(), 'downloads')
    await mkdir(join(dir, 'folder'), { recursive: true })
    await writeFile(join(dir, '..', 'secret'), 'SECRET')
    await symlink('../secret', join(dir, 'out'))
    await symlink('..', join(dir, 'out-dir'))
    await symlink('folder', join(dir, 'link'))
    return dir
  }

  const publish = async (dir: string, name: string) => {
    const partial = await PartialFile.create(dir, 'job')
    const outcome = await orFault(async () => {
      await partial.write(Buffer.from('bytes'), 0)
      return partial.publish(name, 5, async () => {})
    })
    await partial.leave(false)
    return outcome
  }

  test.each(
    names,
  )('S05: published as %j, a file lies in its folder under that name, or nowhere', async name => {
    const dir = await sink()
    const before = await tree(join(dir, '..'))
    const outcome = await publish(dir, name)
    const after = await tree(join(dir, '..'))
    if (outcome instanceof Fault) return expect(after).toEqual(before)
    expect(outcome).toBe(join(dir, name))
    expect(basename(outcome)).toBe(name)
    const stored = Buffer.from(outcome).toString()
    return expect(after).toEqual({ ...before, [stored]: 'bytes' })
  })

  test.each(names)('S05: %j as the id of a job makes a file in its folder, or none', async id => {
    const dir = await sink()
    const before = await tree(join(dir, '..'))
    for (const open of [
      async () => (await PartialFile.create(dir, id)).leave(false),
      async () => (await openSpool(dir, id)).discard(),
    ]) {
      const outcome = await orFault(open)
      if (!/^[\w-]+$/.test(id)) expect(outcome).toMatchObject({ kind: 'invalid' })
    }
    expect(await tree(join(dir, '..'))).toEqual(before)
  })

  test("S05: the platform's name and type choose an extension, and nothing else of the path", async () => {
    const dir = await sink()
    const outside = await tree(join(dir, '..'), dir)
    const text = fc.oneof(fc.constantFrom(...names), hostileText)
    await fc.assert(
      fc.asyncProperty(text, text, async (name, type) => {
        const fileName = `job.${publishedExtension(name, type)}`
        expect(fileName).toMatch(/^job\.[a-z0-9]{2,5}$/)
        expect(await publish(dir, fileName)).toBe(join(dir, fileName))
        const safe = `${safeName(name, 'fallback')}.bin`
        expect(await publish(dir, safe)).toBe(join(dir, safe))
        expect(await tree(join(dir, '..'), dir)).toEqual(outside)
      }),
      { numRuns: 60 },
    )
  })
})
