/** Formats by their first bytes. A file name says nothing about what is inside. */

export type Format = 'jpg' | 'png' | 'amr' | 'mp4'

/** As many as any row below looks at. */
export const headBytes = 16

const ascii = (head: Buffer, start: number, text: string): boolean =>
  head.toString('latin1', start, start + text.length) === text

/** `ftyp` opens MP4, but also the still images of phones (HEIF, AVIF). Brands: ISO/IEC 14496-12, 23008-12. */
const stillImage = /^(hei|hev|mif1|msf1|avi)/

const isFtyp = (head: Buffer): boolean => ascii(head, 4, 'ftyp')

/** First match wins. Names beyond `Format` only serve the message: people learn what they have. */
const rows: readonly (readonly [name: string, is: (head: Buffer) => boolean])[] = [
  ['jpg', head => ascii(head, 0, '\xff\xd8\xff')],
  ['png', head => ascii(head, 0, '\x89PNG\r\n\x1a\n')],
  ['amr', head => ascii(head, 0, '#!AMR\n')],
  ['HEIC or AVIF', head => isFtyp(head) && stillImage.test(head.toString('latin1', 8, 12))],
  ['mp4', isFtyp],
  ['AMR wide band', head => ascii(head, 0, '#!AMR-WB')],
  ['AMR with several channels', head => ascii(head, 0, '#!AMR')],
  ['SILK', head => ascii(head, 0, '#!SILK') || ascii(head, 1, '#!SILK')],
  ['GIF', head => ascii(head, 0, 'GIF8')],
  ['WebP', head => ascii(head, 0, 'RIFF') && ascii(head, 8, 'WEBP')],
  ['WAV', head => ascii(head, 0, 'RIFF') && ascii(head, 8, 'WAVE')],
  ['MP3', head => ascii(head, 0, 'ID3') || ascii(head, 0, '\xff\xfb')],
  ['Ogg', head => ascii(head, 0, 'OggS')],
  ['BMP', head => ascii(head, 0, 'BM')],
  ['PDF', head => ascii(head, 0, '%PDF')],
  ['ZIP', head => ascii(head, 0, 'PK\x03\x04')],
]

/** A `Format`, or what else it looks like. */
export const formatOf = (head: Buffer): string => rows.find(([, is]) => is(head))?.[0] ?? 'of an unknown kind'
