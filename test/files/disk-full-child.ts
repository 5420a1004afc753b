/** Runs one download under the limits of its parent and prints how it ended. Arguments: folder, file with the content. */

import { readFileSync } from 'node:fs'
import { Fault } from '../../src/fault.ts'
import { download } from '../../src/files/download.ts'
import { platform } from './platform.ts'

const [dir = '', content = ''] = process.argv.slice(2)
const { fetch } = platform(readFileSync(content))
const { signal } = new AbortController()
const ending = await download({ dir, id: 'job', fetch, sliceBytes: 65_536, signal }).then(
  () => ({ kind: 'none' }),
  (error: unknown) => (error instanceof Fault ? error.report() : { kind: String(error) }),
)
process.stdout.write(JSON.stringify(ending))
