/** Ogg pages (RFC 3533): packets with their lengths, a position and a checksum. Whoever counts the length ahead uses `pageBytes`. */

const headerBytes = 27
/** A packet is a row of segments of 255 bytes and a shorter last one; a page names at most 255 of them. */
const segmentBytes = 255

/** x³² + x²⁶ + …: CRC-32 unlike zlib's, neither reflected nor inverted (RFC 3533 §6, field 7). */
const polynomial = 0x04c11db7

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24
  for (let bit = 0; bit < 8; bit += 1) value = value < 0 ? (value << 1) ^ polynomial : value << 1
  return value
})

const crc = (page: Uint8Array): number => {
  let value = 0
  for (const byte of page) value = (value << 8) ^ (table[(value >>> 24) ^ byte] ?? 0)
  return value >>> 0
}

const segmentsOf = (packetBytes: number): number => Math.floor(packetBytes / segmentBytes) + 1

/** Length of a page with these packets, bytes. */
export const pageBytes = (packetBytes: number, packets: number): number =>
  headerBytes + packets * (segmentsOf(packetBytes) + packetBytes)

export interface Page {
  /** Whole packets, together at most 255 segments. */
  readonly packets: readonly Uint8Array[]
  /** Tells the streams of one file apart. */
  readonly serial: number
  /** From 0. */
  readonly sequence: number
  /** The codec's position at the end of the page: samples of sound since the start. */
  readonly granule: bigint
  /** No page comes after it. */
  readonly isLast: boolean
}

const [isFirstFlag, isLastFlag] = [2, 4]

const lacing = ({ length }: Uint8Array): number[] => [
  ...Array.from({ length: segmentsOf(length) - 1 }, () => segmentBytes),
  length % segmentBytes,
]

export const oggPage = ({ packets, serial, sequence, granule, isLast }: Page): Buffer => {
  const segments = packets.flatMap(lacing)
  const header = Buffer.alloc(headerBytes)
  header.write('OggS', 'latin1')
  header[5] = (sequence === 0 ? isFirstFlag : 0) | (isLast ? isLastFlag : 0)
  header.writeBigInt64LE(granule, 6)
  header.writeUInt32LE(serial, 14)
  header.writeUInt32LE(sequence, 18)
  header[26] = segments.length
  const page = Buffer.concat([header, Buffer.from(segments), ...packets])
  // Over the page as it stands, with zeros in the place of the sum.
  page.writeUInt32LE(crc(page), 22)
  return page
}
