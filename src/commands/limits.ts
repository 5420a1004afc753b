/** `wecom-media limits`: every bucket, penalty and quota of the configured companies, as the fleet sees them now. */

import Table from 'cli-table3'
import type { Command } from 'commander'
import { openLimits } from '../app/limiting.ts'
import { type CompaniesState, readCompanies } from '../app/resources.ts'
import type { PairState } from '../limits/index.ts'
import { namespaceOf } from '../namespace.ts'
import { connectProducer, firstAnswer } from '../redis.ts'
import { asUsage, CommandError, isForPrograms, printObject, say } from './exit.ts'
import { localTime } from './follow.ts'
import { explain, type JsonFlag, jsonOption } from './help.ts'
import { settingsFor } from './settings.ts'

export const limits = (program: Command): void => {
  const command = program
    .command('limits')
    .description('show what is left of every limit and quota, what is closed, and when a quota runs out')
    .addOption(jsonOption())
    .action(run)
  explain(
    command,
    ['wecom-media limits', 'wecom-media limits --json | jq ".limits[].quota"'],
    ['REDIS_URL', 'WECOM_CORP_ID', 'WECOM_BASE_URL', 'WECOM_MEDIA_LIMITS', 'WECOM_MEDIA_EGRESS'],
  )
}

const redisPatienceMs = 5_000

async function run({ json }: JsonFlag): Promise<void> {
  const config = await settingsFor({ apps: true })
  if (config.redisUrl === undefined)
    throw new CommandError('usage', 'set REDIS_URL: the limits live in the Redis of the workers', 'config')
  const redis = connectProducer(config.redisUrl)
  try {
    await firstAnswer(redis, redisPatienceMs).catch(error => {
      throw new CommandError('unreachable', error.message)
    })
    const namespace = namespaceOf(config.baseUrl, config.prefix)
    const { store } = await asUsage(() => openLimits(config, { redis, namespace }))
    const companies = await readCompanies(config, store, redis, namespace)
    if (isForPrograms(json)) printObject(companies)
    else print(companies)
  } finally {
    redis.disconnect()
  }
}

function print({ limits: states, closedApps }: CompaniesState): void {
  const used = states.filter(isUsed)
  if (used.length > 0) process.stdout.write(`${callsTable(used)}\n`)
  process.stdout.write(`${quotaTable(states)}\n`)
  const idle = states.filter(state => !isUsed(state))
  for (const corp of new Set(idle.map(({ corp }) => corp))) {
    const methods = idle.filter(state => state.corp === corp).map(({ method }) => method)
    say(`${corp}: nothing under way or booked for ${methods.join(', ')}`)
  }
  for (const { app, why } of closedApps) say(`app ${app} is closed: ${why.message}`)
  for (const state of states) for (const line of troubles(state)) say(line)
}

/** Whether a line of the table would say anything. */
const isUsed = ({ buckets, concurrency, inLine, rateShare, penalty, forgotUntilMs }: PairState): boolean =>
  buckets.some(({ rested }) => rested < 1) ||
  concurrency.underWay > 0 ||
  inLine > 0 ||
  rateShare < 1 ||
  penalty !== undefined ||
  forgotUntilMs !== undefined

const style = { head: [], border: [] }

function callsTable(states: readonly PairState[]): string {
  const head = ['company', 'method', 'rule', 'next call', 'booked', 'in line', 'under way', 'rate']
  const table = new Table({
    head,
    style,
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const { corp, method, buckets, inLine, concurrency, rateShare } of states) {
    for (const { rule, amount, windowMs, nextInMs, bookedAhead } of buckets) {
      const underWay =
        concurrency.cap === undefined
          ? String(concurrency.underWay)
          : `${concurrency.underWay} of ${concurrency.cap}`
      const next = nextInMs === 0 ? 'now' : `in ${(nextInMs / 1000).toFixed(1)} s`
      const share = `${Math.round(rateShare * 100)} %`
      table.push([
        corp,
        method,
        `${rule} (${amount} in ${windowMs / 1000} s)`,
        next,
        bookedAhead,
        inLine,
        underWay,
        share,
      ])
    }
  }
  return table.toString()
}

function quotaTable(states: readonly PairState[]): string {
  const table = new Table({
    head: ['company', 'method', 'quota', 'used', 'left', 'period ends', "runs out at today's pace"],
    style,
    colAligns: ['left', 'left', 'left', 'right', 'right', 'left', 'left'],
  })
  for (const { corp, method, nowMs, quota } of states) {
    for (const { rule, amount, used, left, endsAtMs } of quota?.rules ?? []) {
      const atMs = left === 0 ? nowMs : nowMs + (left / (quota?.unitsPerDay || Number.NaN)) * dayMs
      const out = atMs < endsAtMs ? localTime(atMs) : 'no'
      table.push([corp, method, `${rule} (${amount})`, used, left, localTime(endsAtMs), out])
    }
  }
  return table.toString()
}

/** What keeps calls back now. */
function troubles({ corp, method, penalty, forgotUntilMs, quota }: PairState): string[] {
  const what = `${method} of ${corp}`
  return [
    penalty &&
      `${what} is closed until ${localTime(penalty.untilMs)}: the platform was called too often (45009)`,
    forgotUntilMs !== undefined &&
      `${what} is closed until ${localTime(forgotUntilMs)}: Redis has lost its memory`,
    quota?.blockedUntilMs !== undefined &&
      `${what} is closed until ${localTime(quota.blockedUntilMs)}: the platform refused although there was quota`,
  ].filter(line => typeof line === 'string')
}

const dayMs = 86_400_000
