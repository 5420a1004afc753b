/** What can be set about a simulator, with the defaults; every doubtful behaviour of the platform is a switch. */

import type { Accounts, App, Provider, Suite, Tenant } from './apps.ts'
import type { LimitChange } from './limits/settings.ts'
import {
  callbackCheckTimeoutMs,
  callbackTimeoutMs,
  maxGetBytes,
  type RefusalName,
  tokenLifetimeMs,
} from './rules.ts'

export interface Switches {
  /** Repeated `gettoken` inside the validity answers the same token (p/97164 says so, p/91039 no longer). Default true. */
  readonly sameTokenInsideValidity: boolean
  /** Type of `created_at` in answers; both are seen. Default 'string'. */
  readonly createdAt: 'string' | 'number'
  /** An upload without Content-Length answers HTTP 412 with an empty body. Default true. */
  readonly requireContentLength: boolean
  /** A `filelength` that is not the real size refuses an image with 40123. Default true. */
  readonly checkFilelength: boolean
  /** `media/get` answers 830002 for more than this many bytes at once. Default 20 MiB. */
  readonly maxGetBytes: number
  /** Uploaded media count as stored encrypted: slices must be multiples of 16 bytes. Default false. */
  readonly encryptUploads: boolean
  /** `media/uploadimg` takes JPG and PNG only; its own page names no formats. Default true. */
  readonly checkPermanentImage: boolean
  /** Where the URLs of permanent images begin, such as `http://p.qpic.cn`. Default: this simulator, which serves them. */
  readonly imageOrigin: string | undefined
  /** Files of `media/get` come with `Connection: close`, as in the manual's sample. Default true. */
  readonly closeAfterFile: boolean
  /** Files of `media/get` carry `Error-Code: 0` too, as JSON answers do. Default false. */
  readonly errorCodeOnFiles: boolean
  /** The tokens of suites and their tenants come with `errcode: 0`; samples show it, notes deny it. Default false. */
  readonly errcodeOnServiceTokens: boolean
  /** `media/get` serves attachments too, as it serves every medium of the corp; no page says so. Default true. */
  readonly getAttachments: boolean
  /** An asynchronous upload's end shows so late after its download, in real time; 'hold': by `finishJobs`. Default 0. */
  readonly asyncDelayMs: number | 'hold'
  /** An asynchronous upload's download fails when nothing comes for so long, in real time. Default 30 s. */
  readonly asyncIdleMs: number
  /** The callback goes out after the download, before that delay: the result still says "running". Default false. */
  readonly callbackBeforeResult: boolean
  /** Type of `status` in an asynchronous upload's result; its table and its sample differ. Default 'number'. */
  readonly asyncStatus: 'number' | 'string'
  /** A callback without its whole answer by then is sent again. Default 5 s, as in the manual. */
  readonly callbackTimeoutMs: number
  /** A check of a callback URL fails by then. Default 1 s, as in the manual. */
  readonly callbackCheckTimeoutMs: number
  /** Between the three attempts of a callback, in real time; not documented. Default 1 s. */
  readonly callbackRetryGapMs: number
  /** Other codes for the rows of `refusalCodes` and `credentialCodes`. Default none. */
  readonly errcodes: Readonly<Partial<Record<RefusalName, number>>>
}

export interface SimulatorOptions {
  /** Default: one app, see `defaultApp`. The first app's corp is the default of `addMedia`. */
  readonly apps?: readonly App[]
  /** Third-party apps. Default none. */
  readonly suites?: readonly Suite[]
  /** The companies that authorised them. Default none. */
  readonly tenants?: readonly Tenant[]
  /** Default none. */
  readonly providers?: readonly Provider[]
  /** Default 0: a free one. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** What the simulator's clock shows at the start, in milliseconds since 1970. Default: real time. */
  readonly startMs?: number
  /** The clock moves by `advance` and `set` only. Default false. */
  readonly frozen?: boolean
  /** Life of a token of any kind in milliseconds, whole seconds. Default 7200 s. */
  readonly tokenLifetimeMs?: number
  readonly switches?: Partial<Switches>
  /** Where they differ from the manual's; see `LimitSettings`. */
  readonly limits?: LimitChange
}

export const defaultApp: App = {
  corpId: 'ww_simulated_corp',
  secret: 'simulated-secret-0123456789abcdefghijklmnopq',
}

const defaultSwitches: Switches = {
  sameTokenInsideValidity: true,
  createdAt: 'string',
  requireContentLength: true,
  checkFilelength: true,
  maxGetBytes,
  encryptUploads: false,
  checkPermanentImage: true,
  imageOrigin: undefined,
  closeAfterFile: true,
  errorCodeOnFiles: false,
  errcodeOnServiceTokens: false,
  getAttachments: true,
  asyncDelayMs: 0,
  asyncIdleMs: 30_000,
  callbackBeforeResult: false,
  asyncStatus: 'number',
  callbackTimeoutMs,
  callbackCheckTimeoutMs,
  callbackRetryGapMs: 1000,
  errcodes: {},
}

export interface Settings extends Accounts {
  readonly apps: readonly [App, ...App[]]
  readonly port: number
  readonly host: string
  readonly startMs: number | undefined
  readonly frozen: boolean
  readonly tokenLifetimeMs: number
  readonly switches: Switches
  readonly limits: LimitChange
}

export function settingsOf(options: SimulatorOptions): Settings {
  const [first = defaultApp, ...others] = options.apps ?? []
  return {
    apps: [first, ...others],
    suites: options.suites ?? [],
    tenants: options.tenants ?? [],
    providers: options.providers ?? [],
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    startMs: options.startMs,
    frozen: options.frozen ?? false,
    tokenLifetimeMs: options.tokenLifetimeMs ?? tokenLifetimeMs,
    switches: { ...defaultSwitches, ...options.switches },
    limits: options.limits ?? {},
  }
}
