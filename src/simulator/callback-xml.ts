/** The messages of callbacks as the manual's samples have them: flat, texts as CDATA, numbers plain, on one line. */

/** In the order in which they are to be written. */
export type XmlFields = Readonly<Record<string, string | number>>

export function xml(fields: XmlFields): string {
  const elements = Object.entries(fields).map(([name, value]) => `<${name}>${written(value)}</${name}>`)
  return `<xml>${elements.join('')}</xml>`
}

const written = (value: string | number): string =>
  typeof value === 'number' ? `${value}` : `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`

/** C1 (p/96219): no AgentID, no result; every such event of a corp has the same sender. */
export const jobFinished = (corpId: string, jobId: string, nowS: number): string =>
  xml({
    ToUserName: corpId,
    FromUserName: 'sys',
    CreateTime: nowS,
    MsgType: 'event',
    Event: 'upload_media_job_finish',
    JobId: jobId,
  })

/** p/90628. */
export const ticketPushed = (suiteId: string, ticket: string, nowS: number): string =>
  xml({ SuiteId: suiteId, InfoType: 'suite_ticket', TimeStamp: nowS, SuiteTicket: ticket })

export const messageTypes = ['image', 'voice', 'video'] as const

/** What a user sent to the app (p/90239, p/96467). */
export interface UserMessage {
  readonly type: (typeof messageTypes)[number]
  readonly mediaId: string
  /** Default 'simulated-user'. */
  readonly fromUser?: string | undefined
  /** Of a voice. Default 'amr'. */
  readonly format?: string | undefined
  /** Of a video. Default: `mediaId`. */
  readonly thumbMediaId?: string | undefined
  /** Of an image. Default: a URL of the platform's form that leads nowhere. */
  readonly picUrl?: string | undefined
}

export function userMessage(
  { type, mediaId, fromUser = 'simulated-user', format, thumbMediaId, picUrl }: UserMessage,
  to: { readonly corpId: string; readonly agentId: string },
  { msgId, nowS }: { readonly msgId: number; readonly nowS: number },
): string {
  const ofType: Record<UserMessage['type'], XmlFields> = {
    image: { PicUrl: picUrl ?? 'http://p.qpic.cn/simulated/0', MediaId: mediaId },
    voice: { MediaId: mediaId, Format: format ?? 'amr' },
    video: { MediaId: mediaId, ThumbMediaId: thumbMediaId ?? mediaId },
  }
  return xml({
    ToUserName: to.corpId,
    FromUserName: fromUser,
    CreateTime: nowS,
    MsgType: type,
    ...ofType[type],
    MsgId: msgId,
    AgentID: /^\d+$/.test(to.agentId) ? Number(to.agentId) : to.agentId,
  })
}
