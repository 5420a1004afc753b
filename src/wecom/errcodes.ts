/**
 * The platform's errcodes that this client can meet: what each means, its kind, who must act, and how. Adding one is
 * adding a row. Meanings in our words after facts §1.3, §2.4, §2.5, §3, §6, §7.3, §9, §10, §11 (document/path/90313); a
 * code that is missing here is treated as `rejected` and reported as unknown.
 */

import type { Kind } from '../fault.ts'

/**
 * Who must do something about a refusal: `nobody`, because waiting or the client itself mends it; the `caller` who wrote
 * the job or made the file; the `operator` who runs and configures this; an `administrator` of the company in the admin
 * console; the service `provider` in its own console; or the `developer` of the client, whose bug it is.
 */
export type Who = 'nobody' | 'caller' | 'operator' | 'administrator' | 'provider' | 'developer'

export interface Errcode {
  readonly kind: Kind
  readonly en: string
  readonly zh: string
  readonly who: Who
  /** What to do. */
  readonly act: string
  /** How long to leave the platform alone, in milliseconds. */
  readonly waitMs?: number
}

type Texts = Readonly<Record<number, readonly [en: string, zh: string]>>

/** Rows that differ in their meaning only. */
const rows = (kind: Kind, who: Who, act: string, texts: Texts, waitMs?: number): Record<string, Errcode> =>
  Object.fromEntries(
    Object.entries(texts).map(([code, [en, zh]]) => [
      code,
      { kind, en, zh, who, act, ...(waitMs !== undefined && { waitMs }) },
    ]),
  )

const secret =
  "check the app's corp id and secret in the admin console; a wrong secret repeated blocks this IP for an hour"
const bug = 'this is a bug of the client: please report it'
const byItself = 'the client renews it by itself; if it stays, check that the app is of the configured kind'
const legacy = 'check that the base URL is the one of WeCom (https://qyapi.weixin.qq.com/cgi-bin)'
const trusted = "add the address to the app's trusted IPs (企业可信IP); it takes about a minute"

/** A minute limit blocks for 60 s (document/path/90454). */
const minuteMs = 60_000

export const errcodes: Readonly<Record<number, Errcode>> = {
  ...rows('busy', 'nobody', 'try again later, at most 3 times', {
    [-1]: ['the platform is busy', '系统繁忙'],
  }),

  // secrets and tokens (facts §7.3)
  ...rows('token', 'operator', secret, { 40001: ['invalid credential', '不合法的 secret 或凭证'] }),
  ...rows('token', 'nobody', byItself, {
    40014: ['invalid access_token', '不合法的 access_token'],
    42001: ['access_token expired', 'access_token 已过期'],
    40082: ['invalid suite token', '不合法的 suite_access_token'],
    42009: ['suite token expired', 'suite_access_token 已过期'],
  }),
  ...rows('config', 'operator', secret, {
    40013: ['invalid corp id', '不合法的 CorpID'],
    40091: ['the secret is invalid, perhaps of another corp', 'secret 不合法'],
    41002: ['corp id missing', '缺少 corpid'],
    41004: ['secret missing', '缺少 secret'],
    41024: ['secret missing', '缺少 secret'],
  }),
  ...rows('config', 'administrator', 'reset the secret in the admin console, then configure the new one', {
    45031: ['the secret is not safe enough', 'secret 安全等级不足'],
  }),
  ...rows('rejected', 'developer', bug, {
    41001: ['access_token missing', '缺少 access_token'],
    41006: ['media_id missing', '缺少 media_id'],
    41021: ['suite_id missing', '缺少 suite_id'],
    41022: ['suite_access_token missing', '缺少 suite_access_token'],
    41023: ['suite_ticket missing', '缺少 suite_ticket'],
    41025: ['permanent_code missing', '缺少永久授权码'],
    44001: ['no file found in the body', '多媒体文件为空'],
  }),

  // third-party apps (facts §7.3)
  ...rows('config', 'provider', "check the suite's id and secret in the provider console", {
    40080: ['invalid suite secret', '不合法的 suite_secret'],
    40083: ['invalid suite id', '不合法的 suite_id'],
  }),
  ...rows(
    'config',
    'provider',
    'let the company authorise the app again, then configure its permanent code',
    {
      40084: ['invalid permanent code', '不合法的永久授权码'],
      48003: ['the suite token does not fit the corp', '不合法的授权企业'],
      48004: ['the authorisation is gone', '授权关系无效'],
    },
  ),
  ...rows(
    'unavailable',
    'provider',
    'the platform pushes one every 10 minutes: check the command callback, or push it by hand in the console',
    { 40085: ['suite_ticket unknown or expired', '不合法的 suite_ticket'] },
    minuteMs,
  ),

  // may this app call at all
  ...rows('config', 'administrator', 'grant the app the permission (for some methods: 客户联系)', {
    48002: ['this app may not use the method', 'API 接口无权限调用'],
  }),
  ...rows('config', 'administrator', 'enable it again in the admin console', {
    48006: ['the permission was withdrawn after long disuse', '长期未使用，权限已收回'],
    50003: ['the app is disabled', '应用已禁用'],
  }),
  ...rows(
    'unavailable',
    'administrator',
    trusted,
    {
      60020: ['this IP address is not trusted', '访问 IP 不在白名单之中'],
      301042: ['this IP address is not trusted', 'IP 不在白名单之中'],
    },
    minuteMs,
  ),

  // limits; 45033 has no published wait, 1 to 5 s is our policy (facts §9)
  ...rows(
    'limit',
    'nobody',
    'wait a minute; where it comes again, lower the configured limits',
    { 45009: ['called too often', '接口调用超过限制'] },
    minuteMs,
  ),
  ...rows(
    'limit',
    'nobody',
    'lower the concurrency where it comes again',
    { 45033: ['too many calls at the same time', '接口并发调用超过限制'] },
    3_000,
  ),

  // what was asked for
  ...rows('gone', 'caller', 'media live 3 days: upload or ask for it again', {
    40007: ['the media_id is expired, unknown, of another corp or for another use', '不合法的 media_id'],
  }),
  ...rows('gone', 'caller', 'jobs are known for 60 minutes: submit the URL again', {
    40088: ['the jobid does not exist', 'jobid 不存在'],
    770006: ['the jobid is unknown or expired', '不合法的 jobid'],
    790000: ['invalid jobid', '不合法的 jobid'],
  }),
  ...rows('rejected', 'caller', 'check the values of the request', {
    40058: ['a parameter is invalid', '不合法的参数'],
    40063: ['a parameter is empty', '参数为空'],
  }),
  ...rows('rejected', 'caller', 'use image, voice, video or file', {
    40005: ['unknown media type', '不合法的 type 参数'],
  }),

  // the medium (facts §2.4, §2.5)
  ...rows('wrong-type', 'caller', 'convert the file, or choose the type that it has', {
    40004: ['the content does not fit the media type', '不合法的媒体文件类型'],
    41090: ['the video is no valid MP4', '视频不是合法的 MP4'],
    301016: ['the voice breaks the rules', '语音文件不合法'],
    301017: ['voice must be AMR', '语音仅支持 AMR 格式'],
  }),
  ...rows('wrong-type', 'caller', 'moments take image and video, the product album file as well', {
    41072: ['the type does not fit the attachment, or the media_id another one', '附件场景或类型不匹配'],
  }),
  ...rows('wrong-type', 'caller', 'upload the logo as a medium of type image', {
    301015: ['the media_id is no image', 'media_id 不是图片'],
  }),
  ...rows('too-big', 'caller', 'make the file smaller', {
    40009: ['the image is too big', '不合法的图片大小'],
    40011: ['the video is too big', '不合法的视频大小'],
    40206: ['the request body is too big', '请求包体过大'],
    41080: ['the attachment is too big', '附件大小超过限制'],
    45001: ['the file is too big, or as an async upload too small', '多媒体文件大小超过限制'],
  }),
  ...rows('too-big', 'developer', 'ask for ranges of at most 20 MB', {
    830002: ['too big for one download', '文件过大，需分片下载'],
  }),
  ...rows('rejected', 'caller', 'mend the file', {
    40006: ['the file size is not allowed', '不合法的文件大小'],
    40123: ['the image is broken, or its size is not the declared one', '图片异常或长度不符'],
    41081: ['the resolution of the attachment is not allowed', '附件分辨率不符合要求'],
    41082: ['the duration of the attachment is not allowed', '附件时长不符合要求'],
    45007: ['the voice is longer than 60 s', '语音播放时间超过限制'],
  }),
  ...rows('rejected', 'caller', 'fetch it with the SDK of the chat archive (会话存档)', {
    301048: ['an sdkfileid is wrong; it is no media_id', '不合法的 sdkfileid'],
  }),

  // asynchronous upload (facts §6.2)
  ...rows('rejected', 'caller', 'compute the md5 of the file as the URL gives it, and submit it again', {
    301019: ['the md5 does not fit the file', '文件 md5 不匹配'],
  }),
  ...rows('rejected', 'caller', 'serve the file with support for Range; in Tencent COS as public-read', {
    830001: [
      'the platform does not accept the URL, as a rule because it has no Range',
      '不合法的 url，需支持 Range',
    ],
  }),
  ...rows('transient', 'caller', 'submit it again; if it stays, check that the platform can reach the URL', {
    830003: ['the platform could not download the URL', 'url 下载失败'],
  }),
  ...rows('rejected', 'caller', 'check the format: videos must be MP4', {
    830004: ['no official code; some say: the format is not supported', '非官方错误码，疑为格式不支持'],
  }),

  // codes of older platforms, which WeCom no longer lists (facts §1.3)
  ...rows('rejected', 'operator', legacy, {
    41005: ['no file found in the body; a code of Official Accounts', '缺少多媒体文件数据（公众号错误码）'],
    42004: ['a credential expired; a code of older platforms', '凭证过期（旧平台错误码）'],
    43001: ['GET is needed; a code of older platforms', '需要 GET 请求（旧平台错误码）'],
    43002: ['POST is needed; a code of older platforms', '需要 POST 请求（旧平台错误码）'],
    43003: ['HTTPS is needed; a code of older platforms', '需要 HTTPS（旧平台错误码）'],
    47001: ['the body cannot be parsed; a code of older platforms', '请求数据解析错误（旧平台错误码）'],
  }),
}

/** The platform's own page about a code. */
export const docOf = (errcode: number): string => `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`

export interface Explained extends Errcode {
  readonly code: number
  /** The platform's own page about the code. */
  readonly doc: string
}

/** What an errcode means and who must do what about it; undefined for one that is not in our table. */
export function explainErrcode(code: number): Explained | undefined {
  const row = Object.hasOwn(errcodes, code) ? errcodes[code] : undefined
  return row && { code, ...row, doc: docOf(code) }
}
