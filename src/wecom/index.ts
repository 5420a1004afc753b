/** The public surface of `wecom-media/client`. */

export { Fault, type FaultReport, type Kind } from '../fault.ts'
export type { AsyncUpload, AsyncUploadResult, Client, Uploaded } from './api.ts'
export type { CallOptions } from './call.ts'
export { type ClientOptions, type ClientSettings, createClient } from './client.ts'
export { createConnections } from './connections.ts'
export type {
  AppKind,
  Credentials,
  SecretCredentials,
  Suite,
  ThirdPartyCredentials,
} from './credentials.ts'
export { type Explained, explainErrcode, type Who } from './errcodes.ts'
export type { CallEvent } from './event.ts'
export type { ByteRange, Media } from './media.ts'
export { type AsyncMediaType, type Attachment, type MediaType, mediaTypes } from './media-types.ts'
export { memoryTokenStore } from './memory-token-store.ts'
export type { MethodName } from './methods.ts'
export type { AttachmentFile, ImageFile, ProviderFile, UploadFile } from './multipart.ts'
export type { RetryPolicy } from './retry.ts'
export type { Gate, GateCall, Grant, Mark, Slots } from './seams.ts'
export { memoryTicketStore, redisTicketStore, type TicketStore } from './ticket-store.ts'
export type { Timeouts } from './timeouts.ts'
export type { TokenStore } from './token-store.ts'
export { redisTokenStore } from './token-store.ts'
