/**
 * Fetches the file of an asynchronous upload as the platform does: a first request that must be answered in part, then
 * slice by slice to disk. Undocumented and so assumed: no redirects, no HEAD, slices of 8 MiB, no second try.
 */

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ask } from './outgoing.ts'
import { Refusal } from './refusal.ts'
import { asyncUpload, jobFailures } from './rules.ts'
import type { Spool } from './spool.ts'

const sliceBytes = 8 * 1024 * 1024

export interface DownloadOptions {
  readonly url: string
  /** Hexadecimal; letter case does not matter. */
  readonly md5: string
  readonly idleMs: number
}

/** Fills the spool; throws a `Refusal` with the job's errcode, or the signal's reason. */
export async function download(spool: Spool, options: DownloadOptions, signal: AbortSignal): Promise<void> {
  const { url, md5, idleMs } = options
  const fetchRange = (startByte: number, endByte: number): Promise<IncomingMessage> =>
    ask(url, { method: 'GET', headers: { Range: `bytes=${startByte}-${endByte - 1}` }, signal, idleMs })
  const hash = createHash('md5')
  try {
    const totalBytes = await probe(fetchRange)
    while (spool.sizeBytes < totalBytes) {
      const endByte = Math.min(spool.sizeBytes + sliceBytes, totalBytes)
      for await (const chunk of slice(fetchRange, spool.sizeBytes, endByte, totalBytes)) {
        hash.update(chunk)
        await spool.write(chunk)
      }
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof Refusal ? error : new Refusal(jobFailures.download)
  }
  if (hash.digest('hex') !== md5.toLowerCase()) throw new Refusal(jobFailures.md5)
}

type FetchRange = (startByte: number, endByte: number) => Promise<IncomingMessage>

/** The size of the file, if it can be had in parts and is of a size that may be. */
async function probe(fetchRange: FetchRange): Promise<number> {
  const answer = await fetchRange(0, 1)
  answer.destroy()
  const status = answer.statusCode ?? 0
  // A file of 0 bytes has no first one.
  const total = /^bytes (?:0-0|\*)\/(\d{1,15})$/.exec(answer.headers['content-range'] ?? '')?.[1]
  if (status === 416 && total === '0') throw new Refusal(jobFailures.size)
  if (status < 200 || status > 299) throw new Refusal(jobFailures.download)
  if (status !== 206 || total === undefined) throw new Refusal(jobFailures.noRange)
  const sizeBytes = Number(total)
  if (sizeBytes < asyncUpload.minBytes || sizeBytes > asyncUpload.maxBytes) {
    throw new Refusal(jobFailures.size)
  }
  return sizeBytes
}

/** Exactly these bytes, of a file that is still of this size. */
async function* slice(
  fetchRange: FetchRange,
  startByte: number,
  endByte: number,
  totalBytes: number,
): AsyncGenerator<Buffer> {
  const answer = await fetchRange(startByte, endByte)
  const isRight = answer.headers['content-range'] === `bytes ${startByte}-${endByte - 1}/${totalBytes}`
  if (answer.statusCode !== 206 || !isRight) {
    answer.destroy()
    throw new Refusal(jobFailures.download)
  }
  let at = startByte
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    at += chunk.length
    if (at > endByte) throw new Refusal(jobFailures.download)
    yield chunk
  }
  if (at < endByte) throw new Refusal(jobFailures.download)
}
