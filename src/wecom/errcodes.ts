/**
 * The platform's errcodes that this client can meet: what each means, and its kind. Adding one is adding a row.
 * Meanings in our words after facts §2.4, §3, §7.3, §9, §10 (document/path/90313); a code that is missing here is
 * treated as `rejected` and reported as unknown.
 */

import type { Kind } from '../fault.ts'

export interface Errcode {
  readonly kind: Kind
  readonly en: string
  readonly zh: string
  /** How long to leave the platform alone, in milliseconds. */
  readonly waitMs?: number
  /** What to do, where the kind alone does not say it. */
  readonly act?: string
}

const secret =
  "check the app's corp id and secret in the admin console; a wrong secret repeated blocks this IP for an hour"
const bug = 'this is a bug of the caller: please report it'
const thirdParty = 'the service provider has to renew its authorisation'

/** A minute limit blocks for 60 s (document/path/90454). */
const minuteMs = 60_000

export const errcodes: Readonly<Record<number, Errcode>> = {
  [-1]: { kind: 'busy', en: 'the platform is busy', zh: '系统繁忙', act: 'try again later, at most 3 times' },

  // tokens and secrets
  40001: { kind: 'token', en: 'invalid credential', zh: '不合法的 secret 或凭证', act: secret },
  40013: { kind: 'config', en: 'invalid corp id', zh: '不合法的 CorpID', act: secret },
  40014: { kind: 'token', en: 'invalid access_token', zh: '不合法的 access_token' },
  40091: {
    kind: 'config',
    en: 'the secret is invalid, perhaps of another corp',
    zh: 'secret 不合法',
    act: secret,
  },
  41001: { kind: 'rejected', en: 'access_token missing', zh: '缺少 access_token', act: bug },
  41002: { kind: 'config', en: 'corp id missing', zh: '缺少 corpid', act: secret },
  41004: { kind: 'config', en: 'secret missing', zh: '缺少 secret', act: secret },
  41024: { kind: 'config', en: 'secret missing', zh: '缺少 secret', act: secret },
  42001: { kind: 'token', en: 'access_token expired', zh: 'access_token 已过期' },
  45031: { kind: 'config', en: 'the secret is not safe enough', zh: 'secret 安全等级不足', act: 'reset it' },
  40080: { kind: 'config', en: 'invalid suite secret', zh: '不合法的 suite secret', act: thirdParty },
  40082: { kind: 'config', en: 'invalid suite token', zh: '不合法的 suite token', act: thirdParty },
  40083: { kind: 'config', en: 'invalid suite id', zh: '不合法的 suite id', act: thirdParty },
  40084: { kind: 'config', en: 'invalid permanent code', zh: '不合法的永久授权码', act: thirdParty },
  40085: {
    kind: 'unavailable',
    en: 'suite_ticket unknown or expired',
    zh: '不合法的 suite_ticket',
    waitMs: minuteMs,
    act: 'it comes again with the next push',
  },
  41021: { kind: 'rejected', en: 'suite_id missing', zh: '缺少 suite_id', act: bug },
  41022: { kind: 'rejected', en: 'suite_access_token missing', zh: '缺少 suite_access_token', act: bug },
  41023: { kind: 'rejected', en: 'suite_ticket missing', zh: '缺少 suite_ticket', act: bug },
  41025: { kind: 'rejected', en: 'permanent_code missing', zh: '缺少永久授权码', act: bug },
  42009: { kind: 'config', en: 'suite token expired', zh: 'suite token 已过期', act: thirdParty },
  48003: {
    kind: 'config',
    en: 'the suite token does not fit the corp',
    zh: '不合法的授权企业',
    act: thirdParty,
  },
  48004: { kind: 'config', en: 'the authorisation is gone', zh: '授权关系无效', act: thirdParty },

  // may this app call at all
  48002: {
    kind: 'config',
    en: 'this app may not use the method',
    zh: 'API 接口无权限调用',
    act: 'grant the app the permission',
  },
  48006: {
    kind: 'config',
    en: 'the permission was withdrawn after long disuse',
    zh: '长期未使用，权限已收回',
    act: 'an administrator must enable it again',
  },
  50003: {
    kind: 'config',
    en: 'the app is disabled',
    zh: '应用已禁用',
    act: 'enable it in the admin console',
  },
  60020: {
    kind: 'unavailable',
    en: 'this IP address is not trusted',
    zh: '访问 IP 不在白名单之中',
    waitMs: minuteMs,
    act: "add the address to the app's trusted IPs (企业可信IP); it takes about a minute",
  },
  301042: {
    kind: 'unavailable',
    en: 'this IP address is not trusted',
    zh: 'IP 不在白名单之中',
    waitMs: minuteMs,
    act: "add the address to the app's trusted IPs (企业可信IP)",
  },

  // limits; 45033 has no published wait, 1 to 5 s is our policy (facts §9)
  45009: {
    kind: 'limit',
    en: 'called too often',
    zh: '接口调用超过限制',
    waitMs: minuteMs,
    act: 'wait a minute',
  },
  45033: {
    kind: 'limit',
    en: 'too many calls at the same time',
    zh: '接口并发调用超过限制',
    waitMs: 3_000,
    act: 'lower the concurrency',
  },

  // the medium
  40004: { kind: 'wrong-type', en: 'the content does not fit the media type', zh: '不合法的媒体文件类型' },
  40005: {
    kind: 'rejected',
    en: 'unknown media type',
    zh: '不合法的 type 参数',
    act: 'use image, voice, video or file',
  },
  40006: { kind: 'rejected', en: 'the file size is not allowed', zh: '不合法的文件大小' },
  40007: {
    kind: 'gone',
    en: 'the media_id is expired, unknown or of another corp',
    zh: '不合法的 media_id',
    act: 'media live 3 days: upload or ask for it again',
  },
  40009: { kind: 'too-big', en: 'the image is too big', zh: '不合法的图片大小' },
  40011: { kind: 'too-big', en: 'the video is too big', zh: '不合法的视频大小' },
  40058: { kind: 'rejected', en: 'a parameter is invalid', zh: '不合法的参数' },
  40063: { kind: 'rejected', en: 'a parameter is empty', zh: '参数为空' },
  40123: {
    kind: 'rejected',
    en: 'the image is broken, or its size is not the declared one',
    zh: '图片异常或长度不符',
  },
  40206: { kind: 'too-big', en: 'the request body is too big', zh: '请求包体过大' },
  41006: { kind: 'rejected', en: 'media_id missing', zh: '缺少 media_id', act: bug },
  44001: { kind: 'rejected', en: 'no file found in the body', zh: '多媒体文件为空', act: bug },
  45001: { kind: 'too-big', en: 'the file is too big', zh: '多媒体文件大小超过限制' },
  45007: { kind: 'rejected', en: 'the voice is longer than 60 s', zh: '语音播放时间超过限制' },
  301016: { kind: 'wrong-type', en: 'the voice breaks the rules', zh: '语音文件不合法' },
  301017: { kind: 'wrong-type', en: 'voice must be AMR', zh: '语音仅支持 AMR 格式' },
  301019: { kind: 'rejected', en: 'the md5 does not fit the file', zh: '文件 md5 不匹配' },
  830002: {
    kind: 'too-big',
    en: 'too big for one download',
    zh: '文件过大，需分片下载',
    act: 'ask for ranges of at most 20 MB',
  },
}

/** The platform's own page about a code. */
export const docOf = (errcode: number): string => `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`
