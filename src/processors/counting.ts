/** Progress of an upload: counts the bytes of a source as they leave. */

import { Readable } from 'node:stream'
import type { Source } from '../files/file.ts'
import type { Progress } from './context.ts'

/** An opener; each attempt opens the source anew and counts from zero. */
export const counting =
  ({ sizeBytes: totalBytes, open }: Source, progress: (progress: Progress) => void) =>
  async (signal?: AbortSignal): Promise<Readable> => {
    const bytes = await open(signal)
    return Readable.from(
      counted(bytes, doneBytes => progress({ doneBytes, totalBytes })),
      { objectMode: false },
    )
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
