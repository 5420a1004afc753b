/**
 * The platform's methods, one row each; the key is the path below the base URL and the name in metrics and limits.
 * `lost` must be right: it decides whether a call without a readable answer may be repeated.
 */

interface Method {
  readonly http: 'GET' | 'POST'
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
    repeatable: true,
    lost: 'transient',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/91039',
  },
  'media/upload': {
    http: 'POST',
    repeatable: true,
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/90253',
  },
  'media/uploadimg': {
    http: 'POST',
    repeatable: true,
    // A repeat may cost a second unit of a scarce quota: whoever calls decides.
    lost: 'unknown',
    answer: 'json',
    doc: 'https://developer.work.weixin.qq.com/document/path/90256',
  },
  'media/get': {
    http: 'GET',
    repeatable: true,
    lost: 'transient',
    answer: 'file',
    doc: 'https://developer.work.weixin.qq.com/document/path/90254',
  },
} as const satisfies Record<string, Method>

export type MethodName = keyof typeof methods
