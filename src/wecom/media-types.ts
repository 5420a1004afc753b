/**
 * What `media/upload` takes, by type: sizes, formats, length. Source: document/path/90253, facts §2.1 and §2.2.
 * "MB" is not defined by the platform; 1024 × 1024 is what code in the wild uses.
 */

const mib = 1024 * 1024

export type Format = 'jpg' | 'png' | 'amr' | 'mp4'

interface TypeRules {
  readonly maxBytes: number
  /** Seconds of sound; only voice has a limit. */
  readonly maxSeconds?: number
  /** Format -> the part's Content-Type; `any` when the platform looks at neither. */
  readonly formats: Readonly<Partial<Record<Format, string>>> | 'any'
}

export const mediaTypes = {
  image: { maxBytes: 10 * mib, formats: { jpg: 'image/jpeg', png: 'image/png' } },
  voice: { maxBytes: 2 * mib, maxSeconds: 60, formats: { amr: 'voice/amr' } },
  video: { maxBytes: 10 * mib, formats: { mp4: 'video/mp4' } },
  file: { maxBytes: 20 * mib, formats: 'any' },
} as const satisfies Record<string, TypeRules>

export type MediaType = keyof typeof mediaTypes

/** What `media/uploadimg` takes: 5 bytes to 2 MB. Source: document/path/90256, facts §5; JPG and PNG are the rule of media/upload. */
export const permanentImage = { minBytes: 5, maxBytes: 2 * mib, formats: mediaTypes.image.formats } as const

/** What `media/upload_by_url` takes, and how long its jobs are known. Source: document/path/96219 and 97126, facts §6. */
export const asyncMedia = {
  types: ['video', 'file'],
  /** The platform takes more than 5 bytes. */
  minBytes: 6,
  maxBytes: 200 * mib,
  /** In UTF-8. */
  nameMaxBytes: 128,
  urlMaxBytes: 1024,
  jobIdMaxBytes: 128,
  jobLifeMs: 60 * 60_000,
} as const

export type AsyncMediaType = (typeof asyncMedia.types)[number]

/**
 * What `media/upload_attachment` takes, by the scene that its media_id is for and no other: the sizes are those of
 * media/upload. Source: document/path/95098, facts §2.5.
 */
export const attachments = {
  moments: { attachmentType: 1, types: ['image', 'video'] },
  'product-album': { attachmentType: 2, types: ['image', 'video', 'file'] },
} as const satisfies Record<string, { attachmentType: number; types: readonly MediaType[] }>

export type Attachment = keyof typeof attachments

/** `attachment_type` of `service/media/upload` for the cashier (收银台); otherwise it is left out (document/path/99310). */
export const cashierAttachmentType = 3

/** The platform takes *more than 5* bytes, of every type (document/path/96484). */
export const minBytes = 6

/** For names in UTF-8. None is documented for media/upload; this is what file systems carry. */
export const maxNameBytes = 255

const octets = 'application/octet-stream'

export const isMediaType = (value: unknown): value is MediaType =>
  typeof value === 'string' && Object.hasOwn(mediaTypes, value)

/** The formats that a type takes. */
export function formatsOf(type: MediaType): readonly Format[] | 'any' {
  const { formats }: TypeRules = mediaTypes[type]
  return formats === 'any' ? 'any' : (Object.keys(formats) as Format[])
}

/** The Content-Type of the part, from the type's table and the name's extension. */
export function contentTypeOf(type: MediaType, name: string): string {
  const { formats }: TypeRules = mediaTypes[type]
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  const format = extension === 'jpeg' ? 'jpg' : extension
  if (formats === 'any' || !Object.hasOwn(formats, format)) return octets
  return formats[format as Format] ?? octets
}
