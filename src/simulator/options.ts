/** What can be set about a simulator, with the defaults; every doubtful behaviour of the platform is a switch. */

import type { LimitChange } from './limits/settings.ts'
import { maxGetBytes, type RefusalName, tokenLifetimeMs } from './rules.ts'

/** One credential of the platform. Media belong to the corp, tokens to the app. */
export interface App {
  readonly corpId: string
  readonly secret: string
  /** A label of this app, repeated in the log. */
  readonly agent?: string | undefined
}

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
  /** Other codes for the rows of `refusalCodes`. Default none. */
  readonly errcodes: Readonly<Partial<Record<RefusalName, number>>>
}

export interface SimulatorOptions {
  /** Default: one app, see `defaultApp`. The first app's corp is the default of `addMedia`. */
  readonly apps?: readonly App[]
  /** Default 0: a free one. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** What the simulator's clock shows at the start, in milliseconds since 1970. Default: real time. */
  readonly startMs?: number
  /** The clock moves by `advance` and `set` only. Default false. */
  readonly frozen?: boolean
  /** Life of an access token in milliseconds, whole seconds. Default 7200 s. */
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
  errcodes: {},
}

export interface Settings {
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
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    startMs: options.startMs,
    frozen: options.frozen ?? false,
    tokenLifetimeMs: options.tokenLifetimeMs ?? tokenLifetimeMs,
    switches: { ...defaultSwitches, ...options.switches },
    limits: options.limits ?? {},
  }
}
