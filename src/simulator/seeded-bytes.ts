/** Bytes that depend on a seed and their position only, so that a medium of any size needs no storage. */

import { createCipheriv, createHash } from 'node:crypto'

const blockBytes = 16
const chunkBytes = 256 * 1024

/** `lengthBytes` bytes from `startByte` of the endless sequence of `seed`. */
export function seededBytes(seed: number, startByte: number, lengthBytes: number): Buffer {
  const key = createHash('sha256').update(`simulated medium ${seed}`).digest().subarray(0, blockBytes)
  const counter = Buffer.alloc(blockBytes)
  counter.writeBigUInt64BE(BigInt(Math.floor(startByte / blockBytes)), 8)
  const skipBytes = startByte % blockBytes
  const stream = createCipheriv('aes-128-ctr', key, counter).update(Buffer.alloc(skipBytes + lengthBytes))
  return stream.subarray(skipBytes)
}

/** The same in pieces, from `startByte` to `endByte`, the end not included. */
export function* seededChunks(seed: number, startByte: number, endByte: number): Generator<Buffer> {
  for (let at = startByte; at < endByte; at += chunkBytes) {
    yield seededBytes(seed, at, Math.min(chunkBytes, endByte - at))
  }
}
