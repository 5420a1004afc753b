/** Progress of an upload: counts the bytes of a source as they leave. */

import { Readable } from 'node:stream'
import type { Source } from '../files/file.ts'
import type { ImageFile } from '../wecom/index.ts'
import type { Progress } from './context.ts'

/** An opener; each attempt opens the source anew and counts from zero. A small file comes in one piece. */
export async function counting(
  { sizeBytes: totalBytes, open, pieces, whole: readWhole }: Source,
  progress: (progress: Progress) => void,
): Promise<Pick<ImageFile, 'open' | 'pieces' | 'whole'>> {
  const count = (bytes: AsyncIterable<Buffer>) =>
    counted(bytes, doneBytes => progress({ doneBytes, totalBytes }))
  const counts = {
    open: async (signal?: AbortSignal) => Readable.from(count(await open(signal)), { objectMode: false }),
    ...(pieces && { pieces: (signal?: AbortSignal) => count(pieces(signal)) }),
  }
  const whole = await readWhole?.()
  if (!whole) return counts
  const atHand = (): Buffer => {
    progress({ doneBytes: totalBytes, totalBytes })
    return whole
  }
  return { ...counts, whole: atHand }
}

async function* counted(
  bytes: AsyncIterable<Buffer>,
  tell: (doneBytes: number) => void,
): AsyncGenerator<Buffer> {
  let doneBytes = 0
  for await (const chunk of bytes) {
    yield chunk
    doneBytes += chunk.length
    tell(doneBytes)
  }
}
