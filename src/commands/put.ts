/** Where a download goes when a person says so: checked before the first byte, and never seen there half. */

import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, copyFile, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, parse, resolve } from 'node:path'
import { Fault } from '../fault.ts'
import { CommandError } from './exit.ts'

export interface Destination {
  /** Absolute; exists and can be written to. */
  readonly folder: string
  /** The file's name; without one it keeps its own, and replaces none of that name. */
  readonly name?: string
}

/** What `-o` means: a folder, or a file in one. Throws usage when it cannot be written. */
export async function destinationOf(output: string): Promise<Destination> {
  const path = resolve(output)
  if (output === '-') throw refusal('stdout takes the result: name a file or folder')
  const isFolder = await stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
  const folder = isFolder || /[/\\]$/.test(output) ? path : dirname(path)
  const where = await stat(folder).catch(() => undefined)
  if (!where?.isDirectory()) throw refusal(`there is no folder ${folder}: make it first`)
  await access(folder, constants.W_OK | constants.X_OK).catch(error => {
    throw refusal(`the folder ${folder} cannot be written to (${codeOf(error)})`)
  })
  return folder === path ? { folder } : { folder, name: basename(path) }
}

const refusal = (what: string): CommandError => new CommandError('usage', `--output: ${what}`)
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error'

/** What a worker has written. */
interface Written {
  /** Absolute. */
  readonly path: string
  /** For people; default: that of the path. */
  readonly name?: string | undefined
}

/** Gives a finished file its place, in one step. `move`: it is this command's own and lies in the same folder. */
export async function put(result: Written, { folder, name }: Destination, move: boolean): Promise<string> {
  const { path } = result
  const beside = move ? path : join(folder, `.${randomUUID()}.part`)
  let reserved: string | undefined
  try {
    if (!move) await copyFile(path, beside, constants.COPYFILE_FICLONE)
    reserved = name === undefined ? await reserve(folder, result.name ?? basename(path)) : undefined
    const target = reserved ?? join(folder, name ?? '')
    await rename(beside, target)
    return target
  } catch (error) {
    if (!move) await rm(beside, { force: true })
    if (reserved !== undefined) await rm(reserved, { force: true })
    throw new Fault('transient', `the file is at ${path}: it cannot be put into ${folder} (${codeOf(error)})`)
  }
}

const mostNames = 1_000

/** Takes the name, or the next one with a number, by an empty file: a name that a stranger chose must replace nothing. */
async function reserve(folder: string, wanted: string): Promise<string> {
  const { name: stem, ext } = parse(wanted)
  for (let number = 1; ; number += 1) {
    const path = join(folder, number === 1 ? wanted : `${stem} (${number})${ext}`)
    try {
      await (await open(path, 'wx')).close()
      return path
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || number === mostNames) throw error
    }
  }
}
