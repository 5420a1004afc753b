/**
 * S05: any path as a source (`test/files/dir.test.ts` has the table of them, S06 and S07). No wrong acceptance: bytes
 * come from inside of the roots only. No crash: anything else is a `Fault` of one line.
 */

import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { openLocal } from '../../src/files/dir.ts'
import { tempDir } from '../support/temp.ts'
import { orFault } from './faults.ts'
import { hostileText } from './hostile.ts'

let base: string
let root: string

beforeAll(async () => {
  base = await tempDir()
  root = join(base, 'media')
  await mkdir(join(root, 'dir'), { recursive: true })
  await mkdir(join(base, 'media-evil'))
  for (const name of ['a.txt', 'dir/b.txt', '图.png', '...']) await writeFile(join(root, name), 'inside')
  for (const name of ['media-evil/secret', 'secret', 'a.txt']) await writeFile(join(base, name), 'SECRET')
  await symlink('a.txt', join(root, 'link'))
  await symlink('../media-evil', join(root, 'out-dir'))
  await symlink('../secret', join(root, 'out'))
  await symlink('..', join(root, 'dir', 'up'))
  await symlink('../..', join(root, 'dir', 'far-up'))
  await symlink('loop', join(root, 'loop'))
})

describe('a source', () => {
  const segment = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom('..', '.', '', 'a.txt', 'dir', 'b.txt', '图.png', '...', 'media', 'secret'),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'link',
        'out',
        'out-dir',
        'up',
        'far-up',
        'loop',
        'media-evil',
        '..\\',
        '%2e%2e',
      ),
    },
    { weight: 1, arbitrary: hostileText },
  )
  const path = fc.array(segment, { minLength: 1, maxLength: 7 }).map(segments => segments.join('/'))

  test('S05: any path is read inside of the root, or is a fault', async () => {
    let inside = 0
    await fc.assert(
      fc.asyncProperty(path, fc.constantFrom('', 'ROOT/'), async (path, before) => {
        const outcome = await orFault(async () => {
          const source = await openLocal(before === '' ? path : `${root}/${path}`, { roots: [root] })
          try {
            return (await buffer(await source.open())).toString()
          } finally {
            await source.close()
          }
        })
        if (outcome instanceof Fault)
          expect(['forbidden-address', 'not-found', 'invalid']).toContain(outcome.kind)
        else expect(outcome).toBe('inside')
        if (outcome === 'inside') inside += 1
      }),
      { numRuns: 1_500 },
    )
    expect(inside).toBeGreaterThan(20)
  })
})
