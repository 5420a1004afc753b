/** The one app that needs no file: that of the environment, called `default`. */

import type { AppConfig, AppsConfig, CallbackConfig } from './config-apps.ts'
import { Fault } from './fault.ts'

interface OwnAppSettings {
  readonly WECOM_CORP_ID?: string | undefined
  readonly WECOM_CORP_SECRET?: string | undefined
  readonly WECOM_CALLBACK_TOKEN?: string | undefined
  readonly WECOM_CALLBACK_AES_KEY?: string | undefined
  readonly WECOM_CALLBACK_DOWNLOAD: CallbackConfig['download']
}

export function appOfEnvironment(env: OwnAppSettings): Record<string, AppConfig> {
  const { WECOM_CORP_ID: corpId, WECOM_CORP_SECRET: secret } = env
  const callback = callbackFrom(env)
  if (corpId !== undefined && secret !== undefined) return { default: { corpId, secret, callback } }
  if (corpId === undefined && secret === undefined && callback === undefined) return {}
  const missing = corpId === undefined ? 'the first' : 'the second'
  throw new Fault('config', `set both WECOM_CORP_ID and WECOM_CORP_SECRET: ${missing} is missing`)
}

/** The environment's app has the id `default`: the apps file must not have another one of that name. */
export function checkedIds(
  own: Record<string, AppConfig>,
  { apps, suites }: AppsConfig,
): Record<string, AppConfig> {
  const twice = Object.keys(own).find(id => Object.hasOwn(apps, id) || Object.hasOwn(suites, id))
  if (twice === undefined) return own
  throw new Fault(
    'config',
    `"${twice}" is the app of WECOM_CORP_ID and stands in WECOM_MEDIA_APPS, too: rename that one, or unset WECOM_CORP_ID`,
  )
}

function callbackFrom(env: OwnAppSettings): CallbackConfig | undefined {
  const {
    WECOM_CALLBACK_TOKEN: token,
    WECOM_CALLBACK_AES_KEY: aesKey,
    WECOM_CALLBACK_DOWNLOAD: download,
  } = env
  if (token !== undefined && aesKey !== undefined) return { token, aesKey, download }
  if (token === undefined && aesKey === undefined) return undefined
  const missing = token === undefined ? 'the first' : 'the second'
  throw new Fault('config', `set both WECOM_CALLBACK_TOKEN and WECOM_CALLBACK_AES_KEY: ${missing} is missing`)
}
