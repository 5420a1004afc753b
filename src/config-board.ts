/** The dashboard's part of the configuration. */

export interface BoardConfig {
  readonly user: string
  readonly password: string
  readonly mayWrite: boolean
  readonly grafanaUrl: string | undefined
}

export interface BoardSettings {
  readonly WECOM_MEDIA_BOARD_PASSWORD?: string | undefined
  readonly WECOM_MEDIA_BOARD_USER: string
  readonly WECOM_MEDIA_BOARD_WRITE: boolean
  readonly WECOM_MEDIA_GRAFANA_URL?: string | undefined
}

/** Undefined without a password: there is no dashboard then. */
export const boardFrom = (env: BoardSettings): BoardConfig | undefined =>
  env.WECOM_MEDIA_BOARD_PASSWORD === undefined
    ? undefined
    : {
        user: env.WECOM_MEDIA_BOARD_USER,
        password: env.WECOM_MEDIA_BOARD_PASSWORD,
        mayWrite: env.WECOM_MEDIA_BOARD_WRITE,
        grafanaUrl: env.WECOM_MEDIA_GRAFANA_URL,
      }
