/** What the operating system says about files, in our kinds. Reads `code`, never a message. */

import { Fault, type Kind } from '../fault.ts'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error'

export const isCode = (error: unknown, ...codes: readonly string[]): boolean => codes.includes(codeOf(error))

/** A path or name inside a message: quoted, on one line, bounded. */
export const shown = (text: string): string =>
  JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text)

type Row = readonly [kind: Kind, say: (folder: string) => string]

const noRoom: Row = [
  'transient',
  folder => `no room in ${folder}: free space there; nothing was published, and verified slices are kept`,
]
const noFolder: Row = [
  'config',
  folder => `the folder ${folder} does not exist here: create it, or name another in WECOM_MEDIA_DOWNLOADS`,
]
const noRight: Row = [
  'config',
  folder => `this process may not write to ${folder}: give its user the right, or name another folder`,
]
const noHandles: Row = [
  'transient',
  folder =>
    `too many open files while writing to ${folder}: raise the limit (ulimit -n) or lower concurrency`,
]

const writing: Readonly<Record<string, Row>> = {
  ENOSPC: noRoom,
  EDQUOT: noRoom,
  EFBIG: noRoom,
  ENOENT: noFolder,
  ENOTDIR: noFolder,
  EACCES: noRight,
  EPERM: noRight,
  EROFS: noRight,
  EMFILE: noHandles,
  ENFILE: noHandles,
}

/** A failure to write into `folder`; faults pass unchanged. */
export const writingFault = (error: unknown, folder: string): Fault => {
  if (error instanceof Fault) return error
  const code = codeOf(error)
  const row = writing[code]
  const say = row?.[1] ?? (where => `cannot write to ${where}: look at the disk`)
  return new Fault(row?.[0] ?? 'transient', `${say(shown(folder))} (${code})`, { cause: error })
}

const reading: Readonly<Record<string, readonly [Kind, string]>> = {
  EACCES: ['config', 'this process may not read it: give its user the right'],
  EPERM: ['config', 'this process may not read it: give its user the right'],
  ELOOP: ['forbidden-address', 'a symbolic link loops or was changed while it was opened'],
  ENAMETOOLONG: ['invalid', 'the path is too long for this system: shorten it'],
  ENXIO: ['invalid', 'it is not a regular file'],
  EMFILE: ['transient', 'too many open files: raise the limit (ulimit -n) or lower concurrency'],
  ENFILE: ['transient', 'too many open files: raise the limit (ulimit -n) or lower concurrency'],
}

/** A failure to open or read `path`; faults pass unchanged. */
export const readingFault = (error: unknown, path: string): Fault => {
  if (error instanceof Fault) return error
  const code = codeOf(error)
  const [kind, say] = reading[code] ?? (['transient', 'it cannot be read: look at the disk'] as const)
  return new Fault(kind, `${shown(path)}: ${say} (${code})`, { cause: error })
}
