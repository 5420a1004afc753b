import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { destinationOf, put } from '../../src/commands/put.ts'
import { tempDir } from '../support/temp.ts'

const isRoot = process.getuid?.() === 0

/** A finished download of that name, in a folder of its own. */
const download = async (name: string | undefined, bytes = 'bytes') => {
  const path = join(await tempDir(), 'JOB.bin')
  await writeFile(path, bytes)
  const facts = { mediaId: 'm', sizeBytes: bytes.length, sha256: '' }
  return { ...facts, path, ...(name !== undefined && { name }) }
}

test('an output is a file in a folder that exists, or a folder', async () => {
  const folder = await tempDir()
  await mkdir(join(folder, 'in'))
  expect(await destinationOf(join(folder, 'x.jpg'))).toEqual({ folder, name: 'x.jpg' })
  expect(await destinationOf(join(folder, 'in'))).toEqual({ folder: join(folder, 'in') })
  expect(await destinationOf(join(folder, 'in/'))).toEqual({ folder: join(folder, 'in') })
  for (const wrong of ['no/x.jpg', 'no/', '../no/x']) {
    await expect(destinationOf(join(folder, wrong))).rejects.toMatchObject({ code: 2 })
  }
})

test.skipIf(isRoot)('a folder that may not be written to is told before the download', async () => {
  const folder = await tempDir()
  await chmod(folder, 0o500)
  await expect(destinationOf(join(folder, 'x.jpg'))).rejects.toMatchObject({ code: 2 })
})

test('downloads of one name at the same time all get a name, and none replaces another', async () => {
  const folder = await tempDir()
  await writeFile(join(folder, '报告.pdf'), 'mine')
  const results = await Promise.all(['a', 'b', 'c'].map(bytes => download('报告.pdf', bytes)))
  const paths = await Promise.all(results.map(result => put(result, { folder }, false)))
  expect(new Set(paths).size).toBe(3)
  expect((await readdir(folder)).toSorted()).toEqual(
    ['报告.pdf', '报告 (2).pdf', '报告 (3).pdf', '报告 (4).pdf'].toSorted(),
  )
  expect(await readFile(join(folder, '报告.pdf'), 'utf8')).toBe('mine')
  for (const [index, path] of paths.entries()) expect(await readFile(path, 'utf8')).toBe('abc'[index])
})

test('a file without a name keeps the one of its job', async () => {
  const folder = await tempDir()
  expect(await put(await download(undefined), { folder }, false)).toBe(join(folder, 'JOB.bin'))
})

test('a place that cannot be taken leaves nothing there, and tells where the file is', async () => {
  const folder = await tempDir()
  await mkdir(join(folder, 'taken', 'full'), { recursive: true })
  const result = await download('x')
  const told = put(result, { folder, name: 'taken' }, false)
  await expect(told).rejects.toMatchObject({
    kind: 'transient',
    message: expect.stringContaining(result.path),
  })
  expect(await readdir(folder)).toEqual(['taken'])
  expect(await readFile(result.path, 'utf8')).toBe('bytes')
})
