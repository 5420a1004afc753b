/** Files under configured roots. What counts is where the open descriptor really is, never what the path looked like before. */

import { type BigIntStats, constants, fstatSync, readlinkSync } from 'node:fs'
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises'
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { systemClock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { sourceOf } from './descriptor.ts'
import { isCode, readingFault, shown } from './disk-fault.ts'
import type { Source } from './file.ts'

export interface LocalOptions {
  /** Absolute folders; nothing outside of them is read. */
  readonly roots: readonly string[]
  /** What relative paths are relative to; default: each root in turn. */
  readonly cwd?: string
  /** A second name of a file may have been made for a file that lies elsewhere; default `refuse`. */
  readonly hardLinks?: 'refuse' | 'allow'
  /** Where the system shows open descriptors as links; default `/proc/self/fd`. */
  readonly descriptors?: string
}

interface Root {
  readonly named: string
  readonly real: string
}

/** By components, not by prefix: `/media-evil` is not inside `/media`. */
const isInside = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** Where a root really is stays known so long, ms: within it many files are opened, and a root hardly ever moves. */
const knownMs = 1_000
const known = new Map<string, { readonly real: string; readonly untilMs: number }>()

const realRoot = async (named: string): Promise<string | undefined> => {
  const nowMs = systemClock.monotonicMs()
  const found = known.get(named)
  if (found && nowMs < found.untilMs) return found.real
  const real = await realpath(named).catch(() => undefined)
  if (real === undefined) known.delete(named)
  else known.set(named, { real, untilMs: nowMs + knownMs })
  return real
}

const realRoots = async (roots: readonly string[]): Promise<Root[]> => {
  if (roots.length === 0)
    throw new Fault('config', 'no folder is allowed as a source of files: name one in WECOM_MEDIA_ROOTS')
  const found: Root[] = []
  for (const named of roots) {
    if (!isAbsolute(named))
      throw new Fault('config', `the root ${shown(named)} is not absolute: correct WECOM_MEDIA_ROOTS`)
    const real = await realRoot(named)
    if (real !== undefined) found.push({ named: resolve(named), real })
  }
  if (found.length > 0) return found
  throw new Fault('config', `no root exists on this host (${roots.map(shown).join(', ')}): is it mounted?`)
}

const outside = (path: string, { roots }: LocalOptions): Fault =>
  new Fault(
    'forbidden-address',
    `${shown(path)} is outside the allowed folders (${roots.map(shown).join(', ')}): move it there, or add its folder to WECOM_MEDIA_ROOTS`,
  )

const notVisible = (path: string): Fault =>
  new Fault(
    'not-found',
    `${shown(path)} is not visible from this host: is the folder shared with the worker?`,
  )

/** Absolute and without `..`, so that the system never resolves a `..` behind a link. */
const candidates = (path: string, { roots, cwd }: LocalOptions): string[] => {
  if (path === '' || path.includes('\0'))
    throw new Fault('invalid', 'the path is empty or has a NUL: correct it')
  if (isAbsolute(path)) return [resolve(path)]
  return (cwd === undefined ? roots : [cwd]).map(base => resolve(base, path))
}

const assertPlain = (stats: BigIntStats, path: string, { hardLinks = 'refuse' }: LocalOptions): void => {
  if (stats.isDirectory()) throw new Fault('invalid', `${shown(path)} is a folder: name a file in it`)
  if (!stats.isFile())
    throw new Fault(
      'invalid',
      `${shown(path)} is not a regular file (a device, pipe or socket): copy it into one`,
    )
  if (stats.nlink > 1n && hardLinks === 'refuse')
    throw new Fault(
      'invalid',
      `${shown(path)} has a second hard link, maybe outside the roots: copy it instead`,
    )
}

/** Without procfs no link is followed at all; a folder swapped for a link and back in the same instant is not seen then. */
const whereWithoutProcfs = async (
  path: string,
  real: string,
  roots: readonly Root[],
  opened: BigIntStats,
) => {
  const linkless = roots.some(
    root => isInside(root.named, path) && join(root.real, relative(root.named, path)) === real,
  )
  const now = await lstat(real, { bigint: true })
  return (linkless || path === real) && now.ino === opened.ino && now.dev === opened.dev ? real : undefined
}

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

const checked = async (
  handle: FileHandle,
  path: string,
  real: () => Promise<string>,
  roots: readonly Root[],
  options: LocalOptions,
) => {
  const { descriptors = '/proc/self/fd' } = options
  // Both without a thread: what `open` has just brought, and what the kernel itself knows.
  const stats = fstatSync(handle.fd, { bigint: true })
  const where =
    linkOf(join(descriptors, String(handle.fd))) ??
    (await whereWithoutProcfs(path, await real(), roots, stats))
  if (where === undefined || !roots.some(root => isInside(root.real, where))) throw outside(path, options)
  assertPlain(stats, path, options)
  return sourceOf(handle, { name: basename(path), at: { path } }, stats)
}

/** Where to open it, undefined for a regular file that is no link itself: that has no side effects, wherever it lies. */
const openable = async (
  path: string,
  roots: readonly Root[],
  options: LocalOptions,
): Promise<string | undefined> => {
  if ((await lstat(path)).isFile()) return undefined
  const real = await realpath(path)
  if (!roots.some(root => isInside(root.real, real))) throw outside(path, options)
  assertPlain(await lstat(real, { bigint: true }), path, options)
  return real
}

/** The looks before `open` only spare devices and pipes the side effects of opening; the barrier is `checked`, after it. */
const openInside = async (path: string, roots: readonly Root[], options: LocalOptions): Promise<Source> => {
  const real = await openable(path, roots, options)
  const handle = await open(
    real ?? path,
    constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0),
  )
  try {
    return await checked(handle, path, async () => real ?? realpath(path), roots, options)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Opens a regular file under one of the roots; links that stay inside are followed where the system has procfs,
 * elsewhere none is. The caller closes it. Errors: `not-found`, `forbidden-address` (outside the roots),
 * `invalid` (not a plain file), `config` (no roots, no right to read), `transient` (too many open files).
 * Source: DESIGN.md §8; the race that realpath alone loses is measured in notes/reliability.md §5.2.
 */
export const openLocal = async (path: string, options: LocalOptions): Promise<Source> => {
  const roots = await realRoots(options.roots)
  const inside = candidates(path, options).filter(candidate =>
    roots.some(({ named, real }) => isInside(named, candidate) || isInside(real, candidate)),
  )
  if (inside.length === 0) throw outside(path, options)
  for (const candidate of inside) {
    try {
      return await openInside(candidate, roots, options)
    } catch (error) {
      if (!isCode(error, 'ENOENT', 'ENOTDIR')) throw readingFault(error, path)
    }
  }
  throw notVisible(path)
}
