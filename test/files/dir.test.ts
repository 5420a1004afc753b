import { execFileSync } from 'node:child_process'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, test } from 'vitest'
import { Fault, type Kind } from '../../src/fault.ts'
import { type LocalOptions, openLocal } from '../../src/files/dir.ts'
import { FileRef, openSource } from '../../src/files/file.ts'
import { atEnd } from '../support/at-end.ts'
import { opened } from '../support/opened.ts'
import { tempDir } from '../support/temp.ts'
import { someBytes } from './platform.ts'

let base: string
let root: string

beforeAll(async () => {
  base = await tempDir()
  root = join(base, 'media')
  await mkdir(join(root, 'dir'), { recursive: true })
  await mkdir(join(base, 'media-evil'))
  await mkdir(join(base, 'second'))
  await symlink(root, join(base, 'media-alias'))
  for (const name of [
    'a.txt',
    'dir/b.txt',
    '图片.png',
    ' .txt',
    '..hidden',
    '...',
    'a\nb',
    '-rf',
    '%2e%2e',
    'a\\b',
    '~',
  ])
    await writeFile(join(root, name), 'inside')
  await writeFile(join(base, 'media-evil', 'secret'), 'secret')
  await writeFile(join(base, 'second', 'only-here.txt'), 'inside')
  await symlink('a.txt', join(root, 'link'))
  await symlink('dir', join(root, 'dir-link'))
  await symlink(join(root, 'dir', 'b.txt'), join(root, 'absolute-link'))
  await symlink('../media-evil/secret', join(root, 'out'))
  await symlink('../media-evil', join(root, 'out-dir'))
  await symlink('out', join(root, 'out-chain'))
  await symlink('/etc/passwd', join(root, 'out-absolute'))
  await symlink('/proc/self/environ', join(root, 'out-proc'))
  await symlink('nowhere', join(root, 'dangling'))
  await symlink('loop', join(root, 'loop'))
  await symlink('..', join(root, 'dir', 'up'))
})

const read = async (path: string, options: LocalOptions): Promise<string> => {
  const source = await opened(openLocal(path, options))
  return (await buffer(await source.open())).toString()
}

const faultOf = async (path: string, options: LocalOptions): Promise<Fault> => {
  const error = await read(path, options).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Fault)
  return error as Fault
}

type Row = readonly [path: string, expected: 'inside' | Kind]

const rows: readonly Row[] = [
  ['a.txt', 'inside'],
  ['./a.txt', 'inside'],
  ['dir/b.txt', 'inside'],
  ['dir//b.txt', 'inside'],
  ['dir/../a.txt', 'inside'],
  ['../media/a.txt', 'inside'],
  ['图片.png', 'inside'],
  [' .txt', 'inside'],
  ['..hidden', 'inside'],
  ['...', 'inside'],
  ['a\nb', 'inside'],
  ['-rf', 'inside'],
  ['%2e%2e', 'inside'],
  ['a\\b', 'inside'],
  ['~', 'inside'],
  ['link', 'inside'],
  ['absolute-link', 'inside'],
  ['dir-link/b.txt', 'inside'],
  ['dir/up/a.txt', 'inside'],
  ['out', 'forbidden-address'],
  ['out-dir/secret', 'forbidden-address'],
  ['out-chain', 'forbidden-address'],
  ['out-absolute', 'forbidden-address'],
  ['out-proc', 'forbidden-address'],
  ['dir/up/out', 'forbidden-address'],
  ['..', 'forbidden-address'],
  ['../', 'forbidden-address'],
  ['../media-evil/secret', 'forbidden-address'],
  ['dir/../../media-evil/secret', 'forbidden-address'],
  ['out-dir/../media-evil/secret', 'not-found'],
  ['../../../../../../../etc/passwd', 'forbidden-address'],
  ['/etc/passwd', 'forbidden-address'],
  ['//etc/passwd', 'forbidden-address'],
  ['/proc/self/environ', 'forbidden-address'],
  ['/dev/zero', 'forbidden-address'],
  ['/', 'forbidden-address'],
  ['absent', 'not-found'],
  ['absent/../a.txt', 'inside'],
  ['a.txt/', 'inside'],
  ['a.txt/b', 'not-found'],
  ['dangling', 'not-found'],
  ['file:///etc/passwd', 'not-found'],
  ['%2e%2e/%2e%2e/etc/passwd', 'not-found'],
  ['..\\..\\etc\\passwd', 'not-found'],
  ['loop', 'forbidden-address'],
  ['', 'invalid'],
  ['a.txt\0.png', 'invalid'],
  ['.', 'invalid'],
  ['dir', 'invalid'],
  ['x'.repeat(300), 'invalid'],
]

describe('S05: paths', () => {
  test.each(rows)('%j is %s', async (path, expected) => {
    const options = { roots: [root] }
    if (expected === 'inside') return expect(await read(path, options)).toBe('inside')
    const fault = await faultOf(path, options)
    expect(fault.kind).toBe(expected)
    expect(fault.message).not.toContain('\n')
    return undefined
  })

  test.each(
    rows.filter(([path]) => path !== '' && !path.startsWith('/')),
  )('%j below the root is %s', async (path, expected) => {
    const options = { roots: [root] }
    const absolute = `${root}/${path}`
    if (expected === 'inside') return expect(await read(absolute, options)).toBe('inside')
    return expect((await faultOf(absolute, options)).kind).toBe(expected)
  })

  test.each([
    'link',
    'dir-link/b.txt',
    'absolute-link',
    'dir/up/a.txt',
    'out',
    'out-dir/secret',
  ])('without procfs the link %j is refused, wherever it leads', async path => {
    expect((await faultOf(path, { roots: [root], descriptors: '/nowhere' })).kind).toBe('forbidden-address')
  })

  test.each([
    'a.txt',
    'dir/b.txt',
  ])('without procfs a plain %j is read, also through a root that is a link', async path => {
    const descriptors = '/nowhere'
    expect(await read(path, { roots: [root], descriptors })).toBe('inside')
    expect(await read(path, { roots: [join(base, 'media-alias')], descriptors })).toBe('inside')
  })

  test('a root that is a link is followed, under either name', async () => {
    const options = { roots: [join(base, 'media-alias')] }
    expect(await read('a.txt', options)).toBe('inside')
    expect(await read(join(base, 'media-alias', 'a.txt'), options)).toBe('inside')
    expect(await read(join(root, 'a.txt'), options)).toBe('inside')
  })

  test('a relative path is looked for in each root, or in the given folder only', async () => {
    const roots = [root, join(base, 'second')]
    expect(await read('only-here.txt', { roots })).toBe('inside')
    expect(await read('b.txt', { roots, cwd: join(root, 'dir') })).toBe('inside')
    expect((await faultOf('a.txt', { roots, cwd: join(root, 'dir') })).kind).toBe('not-found')
    expect((await faultOf('secret', { roots, cwd: join(base, 'media-evil') })).kind).toBe('forbidden-address')
  })
})

describe('faults say what to do', () => {
  test.each<[Kind, string, string[], RegExp]>([
    ['config', 'a.txt', [], /WECOM_MEDIA_ROOTS/],
    ['config', 'a.txt', ['relative'], /absolute/],
    ['config', 'a.txt', ['/nowhere/at/all'], /mounted/],
    ['not-found', 'absent.png', ['ROOT'], /absent\.png.*not visible from this host.*shared with the worker/],
    ['forbidden-address', '/etc/passwd', ['ROOT'], /etc.passwd.*media.*WECOM_MEDIA_ROOTS/],
  ])('%s for %j under %j', async (kind, path, roots, message) => {
    const fault = await faultOf(path, { roots: roots.map(name => (name === 'ROOT' ? root : name)) })
    expect(fault.kind).toBe(kind)
    expect(fault.message).toMatch(message)
  })

  test.skipIf(process.getuid?.() === 0)(
    'a file without the right to read is a matter of configuration',
    async () => {
      const dir = await tempDir()
      await writeFile(join(dir, 'mine'), 'x')
      await chmod(join(dir, 'mine'), 0)
      expect((await faultOf('mine', { roots: [dir] })).kind).toBe('config')
    },
  )
})

describe('S07: kinds of files', () => {
  test('a pipe, a device, a socket, a folder and a second hard link are refused at once', async () => {
    const dir = await tempDir()
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(dir, 'pipe')])
    const server = createServer().listen(join(dir, 'socket'))
    atEnd(() => server.close())
    await mkdir(join(dir, 'folder'))
    await writeFile(join(dir, 'file'), 'x')
    await link(join(dir, 'file'), join(dir, 'hard-link'))
    const startMs = performance.now()
    for (const name of ['pipe', 'socket', 'folder', 'hard-link'])
      expect([name, (await faultOf(name, { roots: [dir] })).kind]).toEqual([name, 'invalid'])
    for (const name of ['zero', 'full', 'tty'])
      expect((await faultOf(name, { roots: ['/dev'] })).kind).toBe('invalid')
    expect(performance.now() - startMs).toBeLessThan(1_000)
    expect(await read('hard-link', { roots: [dir], hardLinks: 'allow' })).toBe('x')
  })

  const chunkBytes = 128 * 1_024
  const half = async (size: number) => {
    const dir = await tempDir()
    const path = join(dir, 'file')
    await writeFile(path, someBytes(size))
    await utimes(path, 1_000, 1_000)
    const source = await openLocal('file', { roots: [dir] })
    atEnd(() => source.close())
    const stream = await source.open()
    const chunks = stream[Symbol.asyncIterator]()
    await chunks.next()
    const rest = async (): Promise<number> => {
      let bytes = chunkBytes
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) bytes += next.value.length
      return bytes
    }
    return { path, source, rest }
  }

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['grows', path => appendFile(path, 'x')],
    ['shrinks', path => truncate(path, chunkBytes + 1)],
    ['is written over', path => writeFile(path, Buffer.alloc(chunkBytes * 4))],
  ])('one that %s while it is read never comes out whole', async (_, change) => {
    const { path, rest } = await half(chunkBytes * 4)
    await change(path)
    await expect(rest()).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('changed'),
    })
  })

  test('one that is replaced or removed is read as it was opened', async () => {
    const { path, source, rest } = await half(chunkBytes * 4)
    await writeFile(`${path}.new`, 'other')
    await rename(`${path}.new`, path)
    expect(await rest()).toBe(source.sizeBytes)
    await rm(path)
    expect((await buffer(await source.open())).length).toBe(source.sizeBytes)
  })
})

describe('a source', () => {
  test.each([
    0,
    1,
    128 * 1_024,
    128 * 1_024 + 1,
    1_000_000,
  ])('of %i bytes gives them at each opening', async size => {
    const dir = await tempDir()
    const bytes = someBytes(size)
    await writeFile(join(dir, 'x.bin'), bytes)
    const source = await opened(openSource({ path: 'x.bin' }, { roots: [dir] }))
    expect(source).toMatchObject({ name: 'x.bin', sizeBytes: size })
    const both = await Promise.all([source.open(), source.open()])
    for (const stream of [...both, await source.open()])
      expect((await buffer(stream)).equals(bytes)).toBe(true)
  })

  test('reads a part, and fewer bytes at the end', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'x'), '0123456789')
    const source = await opened(openLocal('x', { roots: [dir] }))
    expect((await source.read(2, 3)).toString()).toBe('234')
    expect((await source.read(8, 5)).toString()).toBe('89')
    expect((await source.read(12, 5)).length).toBe(0)
  })

  test('of a small file is read once: what is sent is what was checked, whatever becomes of the file', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'x'), 'as it was')
    const source = await opened(openLocal('x', { roots: [dir] }))
    expect((await source.read(0, 2)).toString()).toBe('as')
    await writeFile(join(dir, 'x'), 'something else')
    expect((await source.whole?.())?.toString()).toBe('as it was')
    expect((await buffer(await source.open())).toString()).toBe('as it was')
  })

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['cut', path => truncate(path, 3)],
    ['written to', path => appendFile(path, 'x')],
  ])('of a small file that was %s before it was read is refused', async (_, change) => {
    const dir = await tempDir()
    await writeFile(join(dir, 'x'), 'as it was')
    const source = await opened(openLocal('x', { roots: [dir] }))
    await change(join(dir, 'x'))
    await expect(source.whole?.()).rejects.toMatchObject({ kind: 'invalid' })
  })

  test('of a larger file has no bytes at hand', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'x'), someBytes(128 * 1_024 + 1))
    const source = await opened(openLocal('x', { roots: [dir] }))
    expect(await source.whole?.()).toBeUndefined()
  })

  test('stops at the signal, with its reason', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'x'), someBytes(10))
    const source = await opened(openLocal('x', { roots: [dir] }))
    const reason = new Fault('cancelled', 'enough')
    await expect(buffer(await source.open(AbortSignal.abort(reason)))).rejects.toBe(reason)
  })
})

test.each<[unknown, boolean]>([
  [{ path: 'a' }, true],
  [{ path: '图'.repeat(1_365) }, true],
  [{ path: '图'.repeat(1_366) }, false],
  [{ path: '' }, false],
  [{ path: 'a\0b' }, false],
  [{ path: 'a\ud800' }, false],
  [{ path: 5 }, false],
  [{ path: 'a', more: 1 }, false],
  [{}, false],
])('a reference: %j', (value, isGood) => {
  expect(FileRef.safeParse(value).success).toBe(isGood)
})

/** Swaps a folder, and a file, for links that lead out, as fast as it can. */
const swapper = `
  const { renameSync } = require('node:fs')
  const { workerData: dir } = require('node:worker_threads')
  for (;;) for (const name of ['folder', 'file']) {
    renameSync(dir + '/' + name, dir + '/good-' + name)
    renameSync(dir + '/evil-' + name, dir + '/' + name)
    renameSync(dir + '/' + name, dir + '/evil-' + name)
    renameSync(dir + '/good-' + name, dir + '/' + name)
  }`

test('S06: whoever swaps files for links while they are opened never gets one outside read', async () => {
  const dir = await tempDir()
  const jail = join(dir, 'jail')
  for (const folder of ['jail/folder', 'outside']) await mkdir(join(dir, folder), { recursive: true })
  await writeFile(join(jail, 'folder', 'x'), 'inside')
  await writeFile(join(jail, 'file'), 'inside')
  await writeFile(join(dir, 'outside', 'x'), 'SECRET')
  await symlink('../outside', join(jail, 'evil-folder'))
  await symlink('../outside/x', join(jail, 'evil-file'))
  const worker = new Worker(swapper, { eval: true, workerData: jail })
  atEnd(() => worker.terminate())
  const seen = new Map<string, number>()
  for (const endMs = performance.now() + 2_000; performance.now() < endMs; ) {
    for (const name of ['folder/x', 'file']) {
      const outcome = await read(name, { roots: [jail] }).catch((error: unknown) => (error as Fault).kind)
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
    }
  }
  expect(
    [...seen.keys()].filter(key => !['inside', 'forbidden-address', 'not-found', 'invalid'].includes(key)),
  ).toEqual([])
  expect(seen.get('inside')).toBeGreaterThan(0)
  expect(seen.get('forbidden-address')).toBeGreaterThan(0)
})
