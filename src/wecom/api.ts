/** What a client can do, one operation per method of the platform. The faults of each stand at each. */

import type { Fault, FaultReport } from '../fault.ts'
import type { CallOptions } from './call.ts'
import type { ByteRange, Media } from './media.ts'
import type { AsyncMediaType, MediaType } from './media-types.ts'
import type { AttachmentFile, ImageFile, ProviderFile, UploadFile } from './multipart.ts'

export interface Uploaded {
  readonly type: MediaType
  readonly mediaId: string
  /** By the platform's clock, milliseconds since 1970. */
  readonly createdAtMs: number
  /** Three days later. */
  readonly expiresAtMs: number
}

/** A file that the platform fetches itself. */
export interface AsyncUpload {
  readonly type: AsyncMediaType
  /** The name people see; 1 to 128 bytes of UTF-8. */
  readonly name: string
  /** http(s), at most 1024 bytes, open to the platform, of a server that answers Range requests. */
  readonly url: string
  /** Of the whole file, 32 hexadecimal digits in either case. */
  readonly md5: string
}

/** How far a job is. `failed` is an answer and not thrown: the fault says why the job failed, not the call. */
export type AsyncUploadResult =
  | { readonly state: 'running' }
  | {
      readonly state: 'done'
      /** Serves `get` and material for group welcomes only. */
      readonly mediaId: string
      /** By the platform's clock, milliseconds since 1970; if it names no time, never later than the truth. */
      readonly createdAtMs: number
      /** Three days later. */
      readonly expiresAtMs: number
    }
  | {
      readonly state: 'failed'
      /**
       * `rejected` when the URL or the md5 is not right, `too-big` for a size outside 6 bytes to 200 MB, `transient` when
       * the download failed and a new job may succeed.
       */
      readonly fault: Fault
    }

export interface Client {
  /**
   * Uploads a temporary medium (media/upload, document/path/90253). Faults: `invalid` and `too-big` before anything is
   * sent; `rejected`, `wrong-type`, `too-big`, `config`, `unavailable`, `limit`, `busy` when the platform said no;
   * `transient` when surely nothing happened; `unknown` when it may have.
   */
  upload(file: UploadFile, options?: CallOptions): Promise<Uploaded>
  /**
   * Uploads a permanent image and answers its URL (media/uploadimg, document/path/90256). Each call costs a unit of the
   * company's quota. Faults: as `upload`.
   */
  uploadImage(file: ImageFile, options?: CallOptions): Promise<{ readonly url: string }>
  /**
   * Uploads a medium for moments or the product album, which serves nothing else (media/upload_attachment,
   * document/path/95098). The app needs the permission for customer contact. Faults: as `upload`, and `wrong-type` before
   * anything is sent for a type that the scene does not take.
   */
  uploadAttachment(file: AttachmentFile, options?: CallOptions): Promise<Uploaded>
  /**
   * Uploads a medium of a service provider (service/media/upload, document/path/99310); an app of kind `provider` only.
   * Faults: as `upload`, `invalid` also for a name that begins with / or holds \ or :.
   */
  uploadForProvider(file: ProviderFile, options?: CallOptions): Promise<Uploaded>
  /**
   * Has the platform fetch a video or file of up to 200 MB (media/upload_by_url, document/path/96219). Each call makes a
   * new job: keep its id, which lives 60 minutes. The app needs the permission for customer contact. Faults: `invalid`
   * and `wrong-type` before anything is sent; else as `upload`.
   */
  uploadByUrl(upload: AsyncUpload, options?: CallOptions): Promise<{ readonly jobId: string }>
  /**
   * How far such a job is (media/get_upload_by_url_result, document/path/96219). Faults: as `get`; `gone` for a jobId that
   * is unknown or older than 60 minutes.
   */
  uploadByUrlResult(jobId: string, options?: CallOptions): Promise<AsyncUploadResult>
  /**
   * Fetches a medium, or the bytes `range.start` to `range.end` of it, both inclusive (media/get, document/path/90254).
   * Faults: as `upload`, without `unknown`, and `gone` for a media_id that is expired, unknown or of another corp.
   */
  get(mediaId: string, options?: CallOptions & { readonly range?: ByteRange }): Promise<Media>
  /**
   * Fetches a voice that came through the JS-SDK in better quality: 60-byte Speex frames at 16 kHz without a container,
   * always whole (media/get/jssdk, document/path/90255). Faults: as `get`.
   */
  getHd(mediaId: string, options?: CallOptions): Promise<Media>
  /** Why the platform refuses this app now (its secret, its suite, its address), for the whole fleet; undefined while it does not. */
  closed(): Promise<FaultReport | undefined>
  /** Waits for running calls and closes the connections, if they are our own. */
  close(): Promise<void>
}
