/** Going on where a killed worker stopped: what its list claims is read again and believed only if the hash agrees. */

import { readFile } from 'node:fs/promises'
import { Fault } from '../fault.ts'
import { isCode, writingFault } from './disk-fault.ts'
import { RunningHash, sha256 } from './fingerprint.ts'
import { PartialFile } from './partial.ts'
import { type PartialPaths, predecessors, removeFiles } from './partial-names.ts'
import { type FileFacts, type ListedSlice, parseList, type SliceList } from './slice-list.ts'

export interface Resumed {
  readonly partial: PartialFile
  readonly facts: FileFacts
  readonly slices: readonly ListedSlice[]
  readonly hash: RunningHash
}

type Candidate = SliceList & { readonly paths: PartialPaths }

const candidate = async (paths: PartialPaths): Promise<Candidate | undefined> => {
  const list = parseList(await readFile(paths.list, 'utf8').catch(() => ''))
  return list === undefined || list.slices.length === 0 ? undefined : { ...list, paths }
}

const listedBytes = ({ slices }: SliceList): number =>
  slices.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)

const verified = async (partial: PartialFile, hash: RunningHash, slice: ListedSlice): Promise<boolean> => {
  const { startBytes, lengthBytes, isRunning } = slice
  const branch = hash.branch(startBytes)
  const own = isRunning ? undefined : sha256()
  const listed = own ?? branch
  // A running hash says nothing where what was before it is missing.
  if (listed === undefined) return false
  try {
    for await (const chunk of partial.read(startBytes, startBytes + lengthBytes)) {
      own?.update(chunk)
      branch?.update(chunk)
    }
  } catch {
    return false
  }
  if (listed.copy().digest('hex') !== slice.sha256) return false
  hash.adopt(branch, startBytes + lengthBytes)
  return true
}

const takeOver = async (best: Candidate, dir: string, id: string, signal: AbortSignal): Promise<Resumed> => {
  const partial = await PartialFile.copyOf(best.paths, dir, id)
  const hash = new RunningHash()
  const slices: ListedSlice[] = []
  try {
    for (const slice of best.slices) {
      signal.throwIfAborted()
      if (await verified(partial, hash, slice)) slices.push(slice)
    }
    await partial.begin(best.facts)
    if (slices.length > 0) await partial.list(slices)
    return { partial, facts: best.facts, slices, hash }
  } catch (error) {
    await partial.leave(false)
    throw error
  }
}

/** Without room for a copy the earlier bytes make room for a new beginning: else no attempt would ever end. */
const unlessUseless = (error: unknown, dir: string): undefined => {
  const reason = error instanceof Fault ? error.cause : error
  if (!isCode(reason, 'ENOSPC', 'EDQUOT', 'EFBIG', 'ENOENT')) throw writingFault(error, dir)
}

/** What an earlier attempt left for this id, checked; nothing if there is nothing of use. Earlier partials are gone afterwards. */
export const resume = async (dir: string, id: string, signal: AbortSignal): Promise<Resumed | undefined> => {
  const earlier = await predecessors(dir, id)
  const found = (await Promise.all(earlier.map(candidate))).filter(one => one !== undefined)
  const best = found.sort((a, b) => listedBytes(b) - listedBytes(a))[0]
  const taken = best && (await takeOver(best, dir, id, signal).catch(error => unlessUseless(error, dir)))
  await Promise.all(earlier.map(removeFiles))
  return taken
}
