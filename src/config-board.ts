/** The dashboard's part of the configuration. */

import { Fault } from './fault.ts'

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

/** Undefined without a password: there is no dashboard then. Throws `config` for one that is to write without. */
export function boardFrom(env: BoardSettings): BoardConfig | undefined {
  const { WECOM_MEDIA_BOARD_PASSWORD: password, WECOM_MEDIA_BOARD_WRITE: mayWrite } = env
  if (password === undefined && mayWrite)
    throw new Fault(
      'config',
      'set WECOM_MEDIA_BOARD_PASSWORD, too: WECOM_MEDIA_BOARD_WRITE is for a dashboard',
    )
  if (password === undefined) return undefined
  return { user: env.WECOM_MEDIA_BOARD_USER, password, mayWrite, grafanaUrl: env.WECOM_MEDIA_GRAFANA_URL }
}
