/** A partial file and its list. A slice is listed only when its bytes are surely on disk; a file gets its name only when all are. */

import { constants } from 'node:fs'
import { copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Fault } from '../fault.ts'
import { isCode, shown, writingFault } from './disk-fault.ts'
import { newPaths, type PartialPaths, removeFiles } from './partial-names.ts'
import { type FileFacts, headerLine, type ListedSlice, sliceLine } from './slice-list.ts'

const readBytes = 256 * 1024

/** File systems without directory sync answer with these. */
const noDirectorySync = ['EINVAL', 'EPERM', 'EISDIR', 'EACCES'] as const

/** So that a name in it outlives a power cut. */
export const syncDirectory = async (dir: string): Promise<void> => {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!isCode(error, ...noDirectorySync)) throw error
  } finally {
    await handle.close()
  }
}

const isPlainName = (name: string): boolean =>
  !['', '.', '..'].includes(name) && name === basename(name) && !name.includes('\\') && !name.includes('\0')

export class PartialFile {
  readonly paths: PartialPaths
  readonly #bytes: FileHandle
  #list: FileHandle | undefined
  #listed = 0
  /** After a failed sync the kernel may drop the bytes and call the next sync a success: nothing here is trusted any more. */
  #broken = false

  private constructor(paths: PartialPaths, bytes: FileHandle) {
    this.paths = paths
    this.#bytes = bytes
  }

  static async create(dir: string, id: string): Promise<PartialFile> {
    const paths = newPaths(dir, id)
    try {
      return new PartialFile(paths, await open(paths.bytes, 'wx+'))
    } catch (error) {
      throw writingFault(error, dir)
    }
  }

  /** A copy, not the file itself: whoever still has that open cannot change ours. */
  static async copyOf(from: PartialPaths, dir: string, id: string): Promise<PartialFile> {
    const paths = newPaths(dir, id)
    try {
      await copyFile(from.bytes, paths.bytes, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      return new PartialFile(paths, await open(paths.bytes, 'r+'))
    } catch (error) {
      await removeFiles(paths)
      throw error
    }
  }

  get #dir(): string {
    return dirname(this.paths.bytes)
  }

  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw writingFault(error, this.#dir)
    }
  }

  async #sync(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#broken = true
      throw error
    }
  }

  /** Opens the list, once the whole file's size is known. */
  begin(facts: FileFacts): Promise<void> {
    return this.#writing(async () => {
      this.#list = await open(this.paths.list, 'ax')
      await this.#list.writeFile(headerLine(facts))
    })
  }

  /** A full disk may take a part: what is left is written by itself, and says why it can't. */
  write(piece: Uint8Array, position: number): Promise<void> {
    return this.#writing(async () => {
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await this.#bytes.write(piece, done, piece.length - done, position + done)
        done += bytesWritten
      }
    })
  }

  /** Bytes first, then the lines about them. */
  list(slices: readonly ListedSlice[]): Promise<void> {
    return this.#writing(async () => {
      await this.#sync(() => this.#bytes.datasync())
      await this.#list?.appendFile(slices.map(sliceLine).join(''))
      await this.#sync(async () => this.#list?.datasync())
      this.#listed += slices.length
    })
  }

  /** Each piece is good until the next is asked for. */
  async *read(startBytes: number, endBytes: number): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(readBytes, endBytes - startBytes)))
    for (let at = startBytes; at < endBytes; ) {
      const wanted = Math.min(buffer.length, endBytes - at)
      const { bytesRead } = await this.#writing(() => this.#bytes.read(buffer, 0, wanted, at))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  }

  async #close(): Promise<void> {
    const list = this.#list
    this.#list = undefined
    await Promise.allSettled([this.#bytes.close(), list?.close()])
  }

  /** Ends an attempt that failed: verified slices stay for the successor, everything else goes. */
  async leave(resumable: boolean): Promise<void> {
    await this.#close()
    if (!resumable || this.#broken || this.#listed === 0) await removeFiles(this.paths)
  }

  /** Length checked, synced, `mayPublish` asked, renamed in one step, folder synced. */
  async publish(fileName: string, sizeBytes: number, mayPublish: () => Promise<void>): Promise<string> {
    if (!isPlainName(fileName))
      throw new Fault('invalid', `${shown(fileName)} is not a plain file name: give one without folders`)
    const target = join(this.#dir, fileName)
    await this.#writing(async () => {
      const { size } = await this.#bytes.stat()
      if (size !== sizeBytes)
        throw new Fault(
          'transient',
          `${shown(this.paths.bytes)} has ${size} bytes instead of ${sizeBytes}: not published`,
        )
      await this.#sync(() => this.#bytes.sync())
    })
    await this.#close()
    await mayPublish()
    await this.#writing(async () => {
      await rename(this.paths.bytes, target).catch(error => {
        if (!isCode(error, 'ENOENT')) throw error
        throw new Fault(
          'transient',
          'the partial file is gone, a later attempt took over: nothing was published',
        )
      })
      await syncDirectory(this.#dir)
      await rm(this.paths.list, { force: true })
    })
    return target
  }
}
