/** Names of partial files: `<job id>.<random>.part`, with `.slices` behind it for the list. Random, so that a frozen worker that wakes up never shares a file with its successor. */

import { randomBytes } from 'node:crypto'
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import { shown, writingFault } from './disk-fault.ts'

const idPattern = /^[A-Za-z0-9_-]{1,128}$/
const partialPattern = /^([A-Za-z0-9_-]{1,128})\.[0-9a-f]{16}\.part(\.slices)?$/

export interface PartialPaths {
  readonly bytes: string
  readonly list: string
}

const pathsOf = (bytes: string): PartialPaths => ({ bytes, list: `${bytes}.slices` })

export const newPaths = (dir: string, id: string): PartialPaths => {
  if (!idPattern.test(id))
    throw new Fault('invalid', `${shown(id)} cannot be part of a file name: use A-Z a-z 0-9 _ -`)
  return pathsOf(join(dir, `${id}.${randomBytes(8).toString('hex')}.part`))
}

/** Both paths of every partial of this id, whether or not both files are there. */
export const predecessors = async (dir: string, id: string): Promise<PartialPaths[]> => {
  const names = await readdir(dir).catch(error => {
    throw writingFault(error, dir)
  })
  const ofId = names.filter(name => partialPattern.exec(name)?.[1] === id)
  return [...new Set(ofId.map(name => name.replace(/\.slices$/, '')))].map(name => pathsOf(join(dir, name)))
}

/** The list first: bytes without a list are litter, a list without bytes would be believed. */
export const removeFiles = async ({ list, bytes }: PartialPaths): Promise<void> => {
  await rm(list, { force: true })
  await rm(bytes, { force: true })
}

/** Removes partial files that nobody has written to for `olderThanMs`; answers how many. Errors: those of `writingFault`. */
export const sweepPartials = async (dir: string, olderThanMs: number, nowMs: number): Promise<number> => {
  let removed = 0
  try {
    for (const name of await readdir(dir)) {
      if (!partialPattern.test(name)) continue
      const path = join(dir, name)
      const stats = await lstat(path).catch(() => undefined)
      if (stats === undefined || nowMs - stats.mtimeMs <= olderThanMs) continue
      await rm(path, { force: true })
      removed += 1
    }
  } catch (error) {
    throw writingFault(error, dir)
  }
  return removed
}
