/** The platform's callbacks, received. */

export { type CallbackKeys, callbackKeys } from './envelope.ts'
export { type MediaMessage, messageKey, type SuiteTicket } from './events.ts'
export { createReceiver, type Receiver, type ReceiverOptions } from './receiver.ts'
export type { RefusalReason } from './refused.ts'
export type { CallbackAnswer, CallbackRequest, Party, Sink } from './seams.ts'
export { maxXmlBytes } from './xml.ts'
