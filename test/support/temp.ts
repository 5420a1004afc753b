/** A folder for one test, gone after it. */

import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'

/** The path has no symlink in it, so that it may be compared with what the code under test resolves. */
export const tempDir = async (): Promise<string> => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'wecom-media-test-')))
  atEnd(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }))
  return dir
}
