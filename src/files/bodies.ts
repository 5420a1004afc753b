/**
 * Bodies of HTTP requests, spooled for their jobs: `<job id>/<SHA-256><extension>` in a folder that http and workers
 * share. The hash is part of the name and so of the payload: the same key with other bytes is another request.
 */

import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { openLocal } from './dir.ts'
import { shown, writingFault } from './disk-fault.ts'
import type { Source } from './file.ts'
import { sha256 } from './fingerprint.ts'
import { syncDirectory } from './partial.ts'

export interface Body {
  readonly sizeBytes: number
  /** Gives it to a job; answers what its payload names it by. */
  keepFor(id: string, name: string): Promise<string>
  discard(): Promise<void>
}

export interface BodyOptions {
  readonly maxBytes: number
  readonly signal: AbortSignal
}

const partPattern = /^[0-9a-f]{32}\.part$/

/** Bytes are counted as they come, whatever was announced. Faults: `too-big`, `invalid` (it stopped), those of the disk. */
export async function receiveBody(dir: string, stream: Readable, options: BodyOptions): Promise<Body> {
  const part = join(dir, `${randomBytes(16).toString('hex')}.part`)
  await assertRoom(dir, options.maxBytes)
  const handle = await open(part, 'wx', 0o600).catch(error => {
    throw writingFault(error, dir)
  })
  const discard = () => rm(part, { force: true })
  try {
    const { sizeBytes, hash } = await written(handle, stream, options, dir)
    await handle.close()
    return {
      sizeBytes,
      discard,
      keepFor: (id, name) => moved(part, dir, `${id}/${hash}${extensionOf(name)}`),
    }
  } catch (error) {
    await handle.close().catch(() => undefined)
    await discard()
    throw error
  }
}

/** Of a full disk 5 % are left to others. */
async function assertRoom(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(dir).catch(error => {
    throw writingFault(error, dir)
  })
  if (bavail * bsize - bytes < (blocks * bsize) / 20)
    throw new Fault(
      'transient',
      `no room for the body in ${shown(dir)}: free space there, then send it again`,
    )
}

async function written(handle: FileHandle, stream: Readable, { maxBytes, signal }: BodyOptions, dir: string) {
  const hash = sha256()
  let sizeBytes = 0
  for await (const chunk of arriving(stream, signal)) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) throw tooBig(maxBytes)
    hash.update(chunk)
    await handle.appendFile(chunk).catch(error => {
      throw writingFault(error, dir)
    })
  }
  // The job is promised to be done: its bytes must outlive a power cut as its record does.
  await handle.datasync()
  return { sizeBytes, hash: hash.digest('hex') }
}

export const tooBig = (maxBytes: number): Fault =>
  new Fault('too-big', `the body has more than ${maxBytes} bytes, the most for this job: send less`)

/** The stream stays open when it is left early: an answer still has to go the other way. */
async function* arriving(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      if (signal.aborted) break
      yield chunk as Buffer
    }
  } catch (cause) {
    throw new Fault('invalid', 'the body stopped before its end: send it again', { cause })
  }
  if (signal.aborted) throw new Fault('invalid', 'the body stopped before its end: send it again')
}

async function moved(part: string, dir: string, ref: string): Promise<string> {
  const path = join(dir, ref)
  try {
    await mkdir(dirname(path), { recursive: true })
    // In the place of one with the same bytes, if a request is repeated: whoever reads that one goes on reading it.
    await rename(part, path)
    // A body that was promised must be found again after a power cut: its name, and that of its folder.
    for (const folder of [dirname(path), dir]) await syncDirectory(folder)
  } catch (error) {
    throw writingFault(error, dir)
  }
  return ref
}

/** The platform's Content-Type goes by it. */
const extensionOf = (name: string): string => /\.[a-z0-9]{1,8}$/.exec(name.toLowerCase())?.[0] ?? ''

/** Faults: those of `openLocal`; `not-found` names the path, and what usually is the cause. */
export async function openBody(dir: string, ref: string): Promise<Source> {
  const path = join(dir, ref)
  try {
    return await openLocal(path, { roots: [dir] })
  } catch (error) {
    const isMissing = error instanceof Fault && (error.kind === 'not-found' || error.kind === 'config')
    if (!isMissing) throw error
    const message = `the body of the request, ${shown(path)}, is not visible from this host: do http and this worker share one folder (WECOM_MEDIA_FILES), and may this process read it?`
    throw new Fault('not-found', message, { cause: error })
  }
}

/** Takes one body away from a job that never came about. */
export async function removeBody(dir: string, ref: string): Promise<void> {
  await rm(join(dir, ref), { force: true })
  // Another request of the same key may have one there.
  await rmdir(join(dir, dirname(ref))).catch(() => undefined)
}

/** All bodies of a job. */
export const removeBodiesOf = (dir: string, id: string): Promise<void> =>
  rm(join(dir, basename(id)), { recursive: true, force: true })

export interface SweepOptions {
  readonly nowMs: number
  /** What nobody has touched for so long and no job needs. */
  readonly olderThanMs: number
  /** Whether a job may still need its body. */
  readonly isNeeded: (id: string) => Promise<boolean>
}

/** Removes what was left by processes that died, and bodies of jobs that are over; answers how many. */
export async function sweepBodies(
  dir: string,
  { nowMs, olderThanMs, isNeeded }: SweepOptions,
): Promise<number> {
  let removed = 0
  for (const name of await readdir(dir).catch(() => [])) {
    const path = join(dir, name)
    const stats = await lstat(path).catch(() => undefined)
    if (stats === undefined || nowMs - stats.mtimeMs <= olderThanMs) continue
    const isOurs = stats.isDirectory() ? /^[A-Za-z0-9_-]{1,128}$/.test(name) : partPattern.test(name)
    if (!isOurs || (stats.isDirectory() && (await isNeeded(name)))) continue
    await rm(path, { recursive: true, force: true })
    removed += 1
  }
  return removed
}
