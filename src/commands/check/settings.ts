/** The settings, as every command reads them and as a worker checks them at its start: all mistakes at once. */

import { type Config, demandApps, readConfig } from '../../config.ts'
import { Fault } from '../../fault.ts'
import { webRules } from '../../files/web-policy.ts'
import { createRules } from '../../limits/index.ts'
import { namespaceOf } from '../../namespace.ts'
import { readAddress } from '../../redis.ts'
import { type Finding, failed, ok } from './finding.ts'

const what = 'settings'

/** The config only when nothing is wrong with it. */
export function checkSettings(): { readonly config?: Config; readonly finding: Finding } {
  let config: Config
  try {
    config = readConfig()
  } catch (error) {
    return { finding: failed(what, error) }
  }
  const mistakes = lateMistakes(config)
  if (mistakes.length > 0) return { finding: failed(what, new Fault('config', mistakes.join('; '))) }
  const { apps, suites, baseUrl } = config
  const [appCount, suiteCount] = [Object.keys(apps).length, Object.keys(suites).length]
  const parties = suiteCount === 0 ? `${appCount} app(s)` : `${appCount} app(s), ${suiteCount} suite(s)`
  return { config, finding: ok(what, `${parties} at ${baseUrl}`) }
}

/** What is found out only when it is used. */
function lateMistakes(config: Config): string[] {
  const { baseUrl, prefix, redisUrl, limits, web, webhooks } = config
  const looks = [
    () => namespaceOf(baseUrl, prefix),
    () => redisUrl !== undefined && readAddress(redisUrl),
    () => demandApps(config),
    () => createRules(limits),
    () => webRules(web),
    () => webRules(webhooks.web),
  ]
  return looks.flatMap(look => {
    try {
      look()
      return []
    } catch (error) {
      if (error instanceof Fault) return [error.message]
      throw error
    }
  })
}
