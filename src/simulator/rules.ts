/**
 * The platform's sizes, lifetimes, codes and texts as its manual states them: a second opinion, so nothing here
 * may be taken from the client's tables. Sources: the official page numbers `p/NNNNN` of the WeCom developer
 * site; "assumed" marks what no source settles, and each such code can be changed by `switches.errcodes`.
 */

/** "MB" is not defined by the manual; code seen in the wild multiplies by 1024 twice. */
const MiB = 1024 * 1024
const hourMs = 3_600_000

/** Largest medium per type of `media/upload` (p/96484). The last column names a row of `refusalCodes`. */
export const mediaTypes = {
  image: { maxBytes: 10 * MiB, tooBig: 'image-too-big' },
  voice: { maxBytes: 2 * MiB, tooBig: 'voice-too-big' },
  video: { maxBytes: 10 * MiB, tooBig: 'video-too-big' },
  file: { maxBytes: 20 * MiB, tooBig: 'file-too-big' },
} as const

export type MediaType = keyof typeof mediaTypes

/** "More than 5 bytes", every type (p/96484). */
export const minMediaBytes = 6
/** A permanent image is 5 B to 2 MB (p/90256, transcribed): 5 bytes pass here. */
export const permanentImage = { minBytes: 5, maxBytes: 2 * MiB }
/** AMR of at most 60 s (p/96484). */
export const maxVoiceMs = 60_000
/** A media_id lives 3 days (p/96484). */
export const mediaLifetimeMs = 72 * hourMs
/** Largest whole file or slice of one `media/get` (p/96486: "20 MB"). */
export const maxGetBytes = 20 * MiB
/** Slices of media stored encrypted are multiples of this, but for the last one (p/90254, transcribed). */
export const encryptedBlockBytes = 16
/** An access token lives 7200 s (p/91039). */
export const tokenLifetimeMs = 2 * hourMs

/** Which code answers which mistake in a body. The manual does not say: all assumed, all to be overridden. */
export const refusalCodes = {
  'media-missing': 44001,
  'too-small': 40006,
  'image-too-big': 40009,
  'voice-too-big': 45001,
  'video-too-big': 40011,
  'file-too-big': 40006,
  'wrong-filelength': 40123,
  'not-an-image': 40123,
  'permanent-image-too-big': 40009,
  // Not 40123: its text speaks of temporary images.
  'not-a-permanent-image': 40004,
  'not-amr': 301017,
  'voice-too-long': 45007,
  'not-mp4': 40004,
  'get-too-big': 830002,
  'slice-not-aligned': 830002,
} as const

export type RefusalName = keyof typeof refusalCodes

/** English texts; the ones marked + were seen on the real host, the others are ours. */
export const texts: Readonly<Record<number, string>> = {
  [-1]: 'system busy',
  0: 'ok', // +
  40001: 'invalid credential', // +
  40004: 'invalid media file type',
  40005: 'invalid type',
  40006: 'invalid file size',
  40007: 'invalid media_id', // +
  40009: 'invalid image size',
  40011: 'invalid video size',
  40013: 'invalid corpid', // +
  40014: 'invalid access_token', // +
  40123: 'invalid image content',
  41001: 'access_token missing', // +
  41002: 'corpid missing',
  41004: 'corpsecret missing',
  41006: 'media_id missing',
  42001: 'access_token expired', // +
  44001: 'empty media data', // +
  45001: 'media size out of limit',
  45007: 'voice duration out of limit',
  45009: 'api freq out of limit', // +
  45033: 'api concurrent out of limit', // +
  48002: 'api forbidden', // +
  60020: 'not allow to access from your ip', // +
  301017: 'only amr is supported',
  830002: 'media too large for one get',
}
