/** An upload's bytes as they leave: counted for its progress, and hashed where nobody had to know the hash before. */

import { Readable } from 'node:stream'
import type { Source } from '../files/file.ts'
import { sha256 } from '../files/fingerprint.ts'
import type { ImageFile } from '../wecom/index.ts'
import type { Progress } from './context.ts'

/** An opener; each attempt opens the source anew and counts from zero. A small file comes in one piece. */
export async function counting(
  { sizeBytes: totalBytes, open, pieces, whole: readWhole }: Source,
  progress: (progress: Progress) => void,
  hashing?: SentHash,
): Promise<Pick<ImageFile, 'open' | 'pieces' | 'whole'>> {
  const count = (bytes: AsyncIterable<Buffer>) =>
    counted(bytes, doneBytes => progress({ doneBytes, totalBytes }), hashing)
  const counts = {
    open: async (signal?: AbortSignal) => Readable.from(count(await open(signal)), { objectMode: false }),
    ...(pieces && { pieces: (signal?: AbortSignal) => count(pieces(signal)) }),
  }
  const whole = await readWhole?.()
  if (!whole) return counts
  hashing?.begin().update(whole)
  const atHand = (): Buffer => {
    progress({ doneBytes: totalBytes, totalBytes })
    return whole
  }
  return { ...counts, whole: atHand }
}

async function* counted(
  bytes: AsyncIterable<Buffer>,
  tell: (doneBytes: number) => void,
  hashing?: SentHash,
): AsyncGenerator<Buffer> {
  let doneBytes = 0
  const hash = hashing?.begin()
  for await (const chunk of bytes) {
    yield chunk
    // Now that it is on its way: the other side takes it meanwhile.
    hash?.update(chunk)
    doneBytes += chunk.length
    tell(doneBytes)
  }
}

/** SHA-256 of what was sent in the last attempt: a file is read once for both. */
export class SentHash {
  #last: Attempt | undefined

  begin(): Attempt {
    const attempt = new Attempt()
    this.#last = attempt
    return attempt
  }

  /** Lower-case hex, once; undefined when fewer bytes than these were sent. */
  hex(sizeBytes: number): string | undefined {
    return this.#last?.sentBytes === sizeBytes ? this.#last.hash.digest('hex') : undefined
  }
}

class Attempt {
  readonly hash = sha256()
  sentBytes = 0

  update(chunk: Uint8Array): void {
    this.hash.update(chunk)
    this.sentBytes += chunk.length
  }
}
