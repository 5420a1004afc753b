/** A source that is closed with its test. */

import type { Source } from '../../src/files/file.ts'
import { atEnd } from './at-end.ts'

export async function opened(source: Promise<Source>): Promise<Source> {
  const open = await source
  atEnd(() => open.close())
  return open
}
