/** The first half of the demo: real files go up as temporary media and come down again. */

import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { systemClock } from '../clock.ts'
import type { MediaType } from '../wecom/media-types.ts'
import { files, type Stage } from './demo-stage.ts'
import type { FileRow } from './demo-table.ts'

const typeOf: Readonly<Record<string, MediaType>> = {
  '.jpg': 'image',
  '.png': 'image',
  '.amr': 'voice',
  '.mp4': 'video',
  '.pdf': 'file',
}

/** All at once, a row for each. */
export async function roundTrips({ producer }: Stage, signal: AbortSignal): Promise<FileRow[]> {
  const trip = async (name: string, type: MediaType): Promise<FileRow> => {
    const path = join(files, name)
    const up = await timed(async () =>
      producer.result(await producer.upload({ type, source: { path } }), { signal }),
    )
    const { mediaId, expiresAtMs, sizeBytes } = up.value
    const down = await timed(async () => producer.result(await producer.download({ mediaId }), { signal }))
    const [sent, received] = await Promise.all([readFile(path), readFile(down.value.path)])
    const times = { uploadMs: up.ms, downloadMs: down.ms }
    return { name, type, sizeBytes, mediaId, expiresAtMs, ...times, same: sent.equals(received) }
  }
  const names = (await readdir(files)).toSorted()
  return Promise.all(
    names.flatMap(name => {
      const type = typeOf[extname(name)]
      return type === undefined ? [] : [trip(name, type)]
    }),
  )
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedMs = systemClock.monotonicMs()
  const value = await work()
  return { value, ms: systemClock.monotonicMs() - startedMs }
}
