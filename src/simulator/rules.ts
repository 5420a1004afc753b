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
/** What `media/upload_attachment` is for (p/96347): 1 the moments, 2 the product album. Its sizes are those above. */
export const attachmentScenes = [
  { attachmentType: 1, types: ['image', 'video'] },
  { attachmentType: 2, types: ['image', 'video', 'file'] },
] as const
/** The one `attachment_type` of `service/media/upload`: the cashier (p/99310). */
export const cashierAttachmentType = 3
/** HD voice: frames of 60 bytes for 20 ms, without any header (Tencent's sample decoder). */
export const speexFrameBytes = 60
/** AMR of at most 60 s (p/96484). */
export const maxVoiceMs = 60_000
/** A media_id lives 3 days (p/96484). */
export const mediaLifetimeMs = 72 * hourMs
/** Largest whole file or slice of one `media/get` (p/96486: "20 MB"). */
export const maxGetBytes = 20 * MiB
/** Slices of media stored encrypted are multiples of this, but for the last one (p/90254, transcribed). */
export const encryptedBlockBytes = 16
/** A token lives 7200 s: an app's (p/91039), a suite's (p/97162), a provider's (p/96237). */
export const tokenLifetimeMs = 2 * hourMs
/** A suite ticket lives 30 minutes (p/90628). */
export const ticketLifetimeMs = hourMs / 2

/** The codes for a token that is missing, unknown or expired, by the kind that a method wants (p/90313, transcribed). */
export const tokenCodes = {
  access: { missing: 41001, unknown: 40014, expired: 42001 },
  suite: { missing: 41022, unknown: 40082, expired: 42009 },
  // Not stated: as for an access token.
  provider: { missing: 41001, unknown: 40014, expired: 42001 },
} as const

export type TokenKind = keyof typeof tokenCodes

/** `media/upload_by_url` (p/96219, p/97126): types, the only scene, and how long its fields may be. */
export const asyncUpload = {
  scene: 1,
  types: ['video', 'file'],
  maxFilenameBytes: 128,
  maxUrlBytes: 1024,
  maxMd5Bytes: 32,
  minBytes: 6,
  maxBytes: 200 * MiB,
} as const
/** A jobid lives 60 minutes, and is at most 128 bytes (transcribed). */
export const jobLifetimeMs = hourMs
export const maxJobIdBytes = 128
/** How a job fails (transcribed): no Range at the URL, no download, size, MD5. */
export const jobFailures = { noRange: 830001, download: 830003, size: 45001, md5: 301019 } as const
/** A callback is attempted three times, 5 s each; a check of its URL has 1 s (copies of p/90238). */
export const callbackAttempts = 3
export const callbackTimeoutMs = 5000
export const callbackCheckTimeoutMs = 1000

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
  'attachment-of-wrong-scene': 41072,
  'attachment-too-big': 41080,
  'attachment-not-mp4': 41090,
  'bad-filename': 40058,
  'async-parameter-missing': 40058,
  'async-parameter-empty': 40063,
  'async-parameter-wrong': 40058,
  // Candidates besides: 770006, 790000.
  'unknown-job': 40088,
  // The list of a job's failures is headed "common" and has none for this.
  'async-not-mp4': 40004,
  // The text of 40063 names form data where JSON is wanted.
  'form-for-json': 40063,
} as const

/** The same for mistakes in credentials, where the manual does not settle the code. */
export const credentialCodes = {
  // The text of 40014 names tokens of the wrong kind.
  'wrong-token-kind': 40014,
  'wrong-provider-secret': 40001,
  'provider-secret-missing': 41024,
  'not-authorised': 48004,
} as const

export type RefusalName = keyof typeof refusalCodes | keyof typeof credentialCodes

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
  40058: 'invalid parameter',
  40063: 'some parameters are empty',
  40080: 'invalid suite_secret',
  40082: 'invalid suite_access_token',
  40083: 'invalid suite_id',
  40084: 'invalid permanent_code',
  40085: 'invalid suite_ticket',
  40088: 'jobid not exist',
  40123: 'invalid image content',
  41001: 'access_token missing', // +
  41002: 'corpid missing',
  41004: 'corpsecret missing',
  41006: 'media_id missing',
  41021: 'suite_id missing',
  41022: 'suite_access_token missing',
  41023: 'suite_ticket missing',
  41024: 'secret missing',
  41025: 'permanent_code missing',
  41072: 'attachment type does not fit',
  41080: 'attachment size out of limit',
  41090: 'attachment is not a valid mp4',
  42001: 'access_token expired', // +
  42009: 'suite_access_token expired',
  44001: 'empty media data', // +
  45001: 'media size out of limit',
  45007: 'voice duration out of limit',
  45009: 'api freq out of limit', // +
  45033: 'api concurrent out of limit', // +
  48002: 'api forbidden', // +
  48004: 'authorization withdrawn',
  60020: 'not allow to access from your ip', // +
  301017: 'only amr is supported',
  301019: 'md5 does not match',
  830001: 'url not acceptable',
  830002: 'media too large for one get',
  830003: 'download from url failed',
}
