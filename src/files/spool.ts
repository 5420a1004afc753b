/** A file of our own for bytes from elsewhere, for the time of one attempt. It is named as a partial, so that the sweep finds it when its worker was killed. */

import { type FileHandle, open, rm } from 'node:fs/promises'
import { sourceOf } from './descriptor.ts'
import { writingFault } from './disk-fault.ts'
import type { Source } from './file.ts'
import { newPaths } from './partial-names.ts'
import type { Sink } from './web-transfer.ts'

export interface Spool extends Sink {
  /** The file as a source; closing it removes the file. */
  source(facts: Pick<Source, 'name' | 'at'>): Promise<Source>
  discard(): Promise<void>
}

const writeAll = async (handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done)
    done += bytesWritten
  }
}

/** Only its own user may read it. Errors: `invalid` (an id that is no file name), those of `writingFault`. */
export const openSpool = async (dir: string, id: string): Promise<Spool> => {
  const { bytes: path } = newPaths(dir, id)
  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw writingFault(error, dir)
    }
  }
  const handle = await writing(() => open(path, 'wx+', 0o600))
  const remove = (): Promise<void> => writing(() => rm(path, { force: true }))
  return {
    restart: () => writing(() => handle.truncate(0)),
    write: (chunk, position) => writing(() => writeAll(handle, chunk, position)),
    async source(facts) {
      const source = sourceOf(handle, facts, await writing(() => handle.stat({ bigint: true })))
      let closing: Promise<void> | undefined
      const close = (): Promise<void> => {
        closing ??= source.close().finally(remove)
        return closing
      }
      return { ...source, close }
    },
    async discard() {
      await handle.close().catch(() => {})
      await remove()
    },
  }
}
