/** `wecom-media check`: what stands between this configuration and its work, a line each. Spends no quota, changes nothing. */

import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { namespaceOf } from '../namespace.ts'
import { connectProducer } from '../redis.ts'
import { checkApp } from './check/apps.ts'
import { checkKeys, checkTicket, checkVectors } from './check/callbacks.ts'
import { openStores } from './check/clients.ts'
import { type Finding, skipped } from './check/finding.ts'
import { checkFolders } from './check/folders.ts'
import { checkRedis, openGate, type Redis, withoutRedis } from './check/redis.ts'
import { checkSettings } from './check/settings.ts'
import { type Closers, closingAfter } from './closers.ts'
import { CommandError, say, Told } from './exit.ts'
import { allSettings, explain } from './help.ts'

export const check = (program: Command): void => {
  const command = program
    .command('check')
    .description('look at settings, Redis, tokens, the trusted IP, callbacks and folders; tell what is wrong')
    .option('--app <id>', 'only this app (default: every one)')
    .action(run)
  explain(command, ['wecom-media check', 'wecom-media check --app default | jq .findings'], allSettings)
}

async function run({ app }: { readonly app?: string }): Promise<void> {
  const findings = await closingAfter(closers => look(app, closers))
  const bad = findings.filter(({ state }) => state === 'failed').length
  print(findings, bad === 0)
  if (bad === 0) return
  say(`wecom-media: ${bad} of ${findings.length} checks failed`)
  throw new Told()
}

async function look(app: string | undefined, closers: Closers): Promise<Finding[]> {
  const settings = checkSettings()
  if (!settings.config)
    return [settings.finding, skipped('the rest', 'it needs the settings'), await checkVectors()]
  const config = app === undefined ? settings.config : only(app, settings.config)
  const { redis, findings } = await openRedis(config, closers)
  const parties = await checkParties(config, redis)
  const folders = await checkFolders(config)
  return [settings.finding, ...findings, ...parties, await checkVectors(), ...folders]
}

/** One app, and its suite. */
function only(id: string, config: Config): Config {
  const app = Object.hasOwn(config.apps, id) ? config.apps[id] : undefined
  if (!app) {
    const known = Object.keys(config.apps).join(', ') || 'none'
    throw new CommandError('usage', `no app is called "${id}": the settings know ${known}`, 'config')
  }
  const itsSuite = (suite: string) => app.kind === 'third-party' && suite === app.suite
  const suites = Object.fromEntries(Object.entries(config.suites).filter(([suite]) => itsSuite(suite)))
  return { ...config, apps: { [id]: app }, suites }
}

/** The connection, when it is of use. */
async function openRedis(
  config: Config,
  closers: Closers,
): Promise<{ readonly redis?: Redis; readonly findings: readonly Finding[] }> {
  const { redisUrl } = config
  if (redisUrl === undefined) return { findings: [withoutRedis(config)] }
  const redis = connectProducer(redisUrl)
  closers.defer(() => redis.disconnect())
  const findings = await checkRedis(redis, redisUrl, namespaceOf(config.baseUrl, config.prefix))
  return findings[0]?.state === 'ok' ? { redis, findings } : { findings }
}

/** One after the other: a provider may have thousands of companies. */
async function checkParties(config: Config, redis: Redis | undefined): Promise<Finding[]> {
  const namespace = namespaceOf(config.baseUrl, config.prefix)
  const stores = openStores(redis, namespace)
  const gate = redis && (await openGate(redis, config, namespace))
  const findings: Finding[] = []
  for (const id of Object.keys(config.suites)) {
    findings.push(await checkTicket(id, config, stores), await checkKeys(`suite ${id}: callback`, id, config))
  }
  for (const [id, { kind }] of Object.entries(config.apps)) {
    findings.push(...(await checkApp(id, config, stores, gate)))
    // A third-party app is called back by way of its suite.
    if (kind !== 'third-party') findings.push(await checkKeys(`app ${id}: callback`, id, config))
  }
  return findings
}

function print(findings: readonly Finding[], isFine: boolean): void {
  if (!process.stdout.isTTY) {
    process.stdout.write(`${JSON.stringify({ ok: isFine, findings })}\n`)
    return
  }
  const width = Math.max(...findings.map(({ what }) => what.length))
  for (const { what, state, detail } of findings)
    process.stdout.write(`${state.padEnd(7)}  ${what.padEnd(width)}  ${detail}\n`)
}
