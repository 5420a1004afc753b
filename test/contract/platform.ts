/**
 * Whom the contract is put to: the simulator always, the real platform where the environment has what a statement
 * needs. What was not put to the real platform is a skipped test that says so, and a line at the end.
 *
 * Every variable begins with WECOM_CONTRACT_. CORP_ID and SECRET name an app, BASE_URL another platform than the public
 * one. CUSTOMER_CONTACT=1 says that the app may use 客户联系; ALLOW_QUOTA=1 lets one unit of uploadimg be spent, two where
 * refused images are counted too; PUBLIC_URL is a file of 6 bytes to 20 MB that the platform can fetch in ranges;
 * HD_VOICE_ID is a fresh voice of JS-SDK; SUITE_… and PROVIDER_… are those credentials. One run asks `gettoken` with a
 * wrong secret once, and the like of the others; 2,000 in an hour block the address.
 */

import { afterAll, beforeAll, describe, test } from 'vitest'
import { defaultApp, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { provider, suite, tenant } from '../simulator/providers.ts'
import { startSimulator } from '../simulator/wire.ts'
import { startFileOrigin } from '../support/file-origin.ts'

const env = (name: string): string => process.env[`WECOM_CONTRACT_${name}`] ?? ''

/** What a statement needs, and the variables that bring it. */
const variables = {
  app: ['CORP_ID', 'SECRET'],
  'customer-contact': ['CUSTOMER_CONTACT'],
  quota: ['ALLOW_QUOTA'],
  source: ['PUBLIC_URL'],
  'hd-voice': ['HD_VOICE_ID'],
  provider: ['PROVIDER_CORP_ID', 'PROVIDER_SECRET'],
  suite: ['SUITE_ID', 'SUITE_SECRET', 'SUITE_TICKET', 'SUITE_CORP_ID', 'SUITE_PERMANENT_CODE'],
} as const

export type Need = keyof typeof variables

export const knownVariables: readonly string[] = ['BASE_URL', ...Object.values(variables).flat()].map(
  name => `WECOM_CONTRACT_${name}`,
)

export interface Platform {
  readonly baseUrl: string
  readonly corpId: string
  readonly secret: string
  /** Of a file that the platform can fetch in ranges. */
  readonly sourceUrl: string
  /** The media_id of a voice that came through JS-SDK. */
  readonly hdVoiceId: string
  readonly provider: { readonly corpId: string; readonly secret: string }
  readonly suite: {
    readonly suiteId: string
    readonly secret: string
    readonly ticket: string
    readonly corpId: string
    readonly permanentCode: string
  }
  /** Between two looks at an asynchronous upload. */
  readonly pollMs: number
}

const real: Platform = {
  baseUrl: env('BASE_URL') || 'https://qyapi.weixin.qq.com/cgi-bin',
  corpId: env('CORP_ID'),
  secret: env('SECRET'),
  sourceUrl: env('PUBLIC_URL'),
  hdVoiceId: env('HD_VOICE_ID'),
  provider: { corpId: env('PROVIDER_CORP_ID'), secret: env('PROVIDER_SECRET') },
  suite: {
    suiteId: env('SUITE_ID'),
    secret: env('SUITE_SECRET'),
    ticket: env('SUITE_TICKET'),
    corpId: env('SUITE_CORP_ID'),
    permanentCode: env('SUITE_PERMANENT_CODE'),
  },
  pollMs: 3_000,
}

async function simulated(): Promise<Platform> {
  const accounts = { apps: [defaultApp], suites: [suite], tenants: [tenant], providers: [provider] }
  const simulator = await startSimulator(accounts)
  const origin = await startFileOrigin()
  const voice = await simulator.addMedia({ kind: 'speex', sizeBytes: 6_000 })
  return {
    baseUrl: simulator.baseUrl,
    ...defaultApp,
    sourceUrl: origin.put('/file.bin', Buffer.alloc(100_000, 'platform')),
    hdVoiceId: voice.mediaId,
    provider: { corpId: provider.corpId, secret: provider.providerSecret },
    suite: {
      suiteId: suite.suiteId,
      secret: suite.suiteSecret,
      ticket: simulator.issueTicket(suite.suiteId),
      corpId: tenant.corpId,
      permanentCode: tenant.permanentCode,
    },
    pollMs: 20,
  }
}

/** Polling, a fetch by the platform, uploads of 20 MB over the internet. */
const realTimeoutMs = 300_000

interface Clauses {
  /** Of any platform. Put to the real one where the environment has what the family needs. */
  states(what: string, check: Check<Platform>): void
  /** The same, where the environment has this too. */
  statesWith(need: Need, what: string, check: Check<Platform>): void
  /** Of a platform whose clock, faults or accounts are in our hands: the simulator, a new one each time. */
  onlySimulated(what: string, check: Check<Simulator>): void
  onlySimulatedWith(options: SimulatorOptions, what: string, check: Check<Simulator>): void
}

type Check<Subject> = (subject: Subject) => Promise<void>

/** The statements about one family of methods, and what each of them needs. */
export function contract(family: string, needs: readonly Need[], state: (clauses: Clauses) => void): void {
  const missed = new Set<string>()
  let notRun = 0
  let platform: Platform

  const put = (all: readonly Need[], what: string, check: Check<Platform>): void => {
    test(what, () => check(platform))
    const missing = missingFor(all)
    if (missing.length === 0) {
      test(`REAL PLATFORM: ${what}`, { timeout: realTimeoutMs }, () => check(real))
      return
    }
    notRun += 1
    for (const name of missing) missed.add(name)
    test.skip(`NOT RUN against the real platform (set ${missing.join(', ')}): ${what}`, () => {})
  }
  const simulate: Clauses['onlySimulatedWith'] = (options, what, check) =>
    test(`only simulated: ${what}`, async () => check(await startSimulator(options)))

  describe(family, () => {
    beforeAll(async () => {
      platform = await simulated()
    })
    state({
      states: (what, check) => put(needs, what, check),
      statesWith: (need, what, check) => put([...needs, need], what, check),
      onlySimulated: (what, check) => simulate({}, what, check),
      onlySimulatedWith: simulate,
    })
    afterAll(() => {
      if (notRun > 0) warn(`${notRun} statements about ${family}`, [...missed])
    })
  })
}

const missingFor = (needs: readonly Need[]): string[] =>
  needs
    .flatMap(need => variables[need])
    .filter(name => env(name) === '')
    .map(name => `WECOM_CONTRACT_${name}`)

const warn = (what: string, missing: readonly string[]): void => {
  process.stderr.write(
    `\nNOT RUN against the real platform: ${what}. To run them set ${missing.join(', ')}.\n`,
  )
}
