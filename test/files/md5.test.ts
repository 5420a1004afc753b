/** MD5 of local files, as producers hand it over with an async upload. */

import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { md5File } from '../../src/files/fingerprint.ts'
import { tempDir } from '../support/temp.ts'
import { kindOf } from './kind-of.ts'
import { someBytes } from './platform.ts'

describe('md5File', () => {
  test.each([0, 1, 65_536, 300_001])('is the MD5 and size of a file of %i bytes', async sizeBytes => {
    const path = join(await tempDir(), 'a')
    const bytes = someBytes(sizeBytes)
    await writeFile(path, bytes)
    const md5 = createHash('md5').update(bytes).digest('hex')
    expect(await md5File(path)).toEqual({ md5, sizeBytes })
  })

  test('names what is missing, and what is no file', async () => {
    const dir = await tempDir()
    expect(await kindOf(() => md5File(join(dir, 'none')))).toBe('not-found')
    expect(await kindOf(() => md5File(dir))).toBe('invalid')
  })

  test('ends with the reason of its signal', async () => {
    const reason = new Error('enough')
    const path = join(await tempDir(), 'a')
    await writeFile(path, 'x')
    await expect(md5File(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const hashing = md5File(path, { signal: controller.signal })
    controller.abort(reason)
    await expect(hashing).rejects.toBe(reason)
  })
})
