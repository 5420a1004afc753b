/** Progress of an upload: counts the bytes of a source as they leave. */

import { Readable } from 'node:stream'
import type { Source } from '../files/file.ts'
import type { ImageFile } from '../wecom/index.ts'
import type { Progress } from './context.ts'

/** An opener; each attempt opens the source anew and counts from zero. A small file comes in one piece. */
export async function counting(
  { sizeBytes: totalBytes, open, whole: readWhole }: Source,
  progress: (progress: Progress) => void,
): Promise<Pick<ImageFile, 'open' | 'whole'>> {
  const counts = async (signal?: AbortSignal): Promise<Readable> =>
    Readable.from(
      counted(await open(signal), doneBytes => progress({ doneBytes, totalBytes })),
      { objectMode: false },
    )
  const whole = await readWhole?.()
  if (!whole) return { open: counts }
  const atHand = (): Buffer => {
    progress({ doneBytes: totalBytes, totalBytes })
    return whole
  }
  return { open: counts, whole: atHand }
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
