/**
 * The platform's methods, one row each; the key is the path below the base URL and the name in metrics and limits.
 * `lost` must be right: it decides whether a call without a readable answer may be repeated.
 */

/** The query parameter that carries a token, and thereby the kind of token. */
export type TokenKind = 'access_token' | 'suite_access_token' | 'provider_access_token'

interface Method {
  readonly http: 'GET' | 'POST'
  /** Undefined for methods that give tokens out and ask for none. */
  readonly token: TokenKind | undefined
  /** May this process repeat the call after a `transient` fault? */
  readonly repeatable: boolean
  /** What it means when the call went out and no readable answer came: did it perhaps happen, and does that matter? */
  readonly lost: 'unknown' | 'transient'
  readonly answer: 'json' | 'file'
  readonly doc: string
}

export const methods = {
  gettoken: {
    http: 'GET',
    token: undefined,
    repeatable: true,
    lost: 'transient',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/91039',
  },
  'media/upload': {
    http: 'POST',
    token: 'access_token',
    repeatable: true,
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/90253',
  },
  'media/uploadimg': {
    http: 'POST',
    token: 'access_token',
    repeatable: true,
    // A repeat may cost a second unit of a scarce quota: whoever calls decides.
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/90256',
  },
  'media/get': {
    http: 'GET',
    token: 'access_token',
    repeatable: true,
    lost: 'transient',
    answer: 'file',
    doc: 'https://developer.work.weixin.qq.com/document/path/90254',
  },
  'media/get/jssdk': {
    http: 'GET',
    token: 'access_token',
    repeatable: true,
    lost: 'transient',
    answer: 'file',
    doc: 'https://developer.work.weixin.qq.com/document/path/90255',
  },
  'media/upload_by_url': {
    http: 'POST',
    token: 'access_token',
    repeatable: true,
    // Not idempotent: a repeat makes a second job (facts §6.1).
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/96219',
  },
  'media/get_upload_by_url_result': {
    http: 'POST',
    token: 'access_token',
    repeatable: true,
    lost: 'transient',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/96219',
  },
  'media/upload_attachment': {
    http: 'POST',
    token: 'access_token',
    repeatable: true,
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/95098',
  },
  'service/media/upload': {
    http: 'POST',
    token: 'provider_access_token',
    repeatable: true,
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/99310',
  },
  'service/get_suite_token': {
    http: 'POST',
    token: undefined,
    repeatable: true,
    lost: 'transient',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/97162',
  },
  'service/get_corp_token': {
    http: 'POST',
    token: 'suite_access_token',
    repeatable: true,
    lost: 'transient',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/90605',
  },
  'service/get_provider_token': {
    http: 'POST',
    token: undefined,
    repeatable: true,
    lost: 'transient',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/96237',
  },
} as const satisfies Record<string, Method>

export type MethodName = keyof typeof methods
