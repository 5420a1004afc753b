/** Where our own files lie: below one folder that http and workers share, or where the settings say. */

import { join, resolve } from 'node:path'

export interface Folders {
  /** Absolute. */
  readonly downloads: string
  /** Where bodies of HTTP requests wait for their jobs; absolute. One folder for http and workers. */
  readonly spool: string
}

/** Without a shared root the spool lies in the one folder that processes share anyway. */
export function foldersFrom(files: string | undefined, named: string | undefined, cwd: string): Folders {
  const downloads = resolve(cwd, named ?? join(files ?? '.', 'downloads'))
  return { downloads, spool: files === undefined ? join(downloads, 'spool') : resolve(cwd, files, 'spool') }
}
