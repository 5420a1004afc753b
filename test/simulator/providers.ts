/** A provider with a suite that one company authorised, and the way to each of their tokens, step by step. */

import type { Provider, Simulator, SimulatorOptions, Suite, Tenant } from '../../src/simulator/index.ts'
import { defaultApp } from '../../src/simulator/index.ts'
import { type JsonAnswer, postJson, startSimulator } from './wire.ts'

export const provider: Provider = { corpId: 'ww_provider', providerSecret: 'provider-secret' }
export const suite: Suite = {
  suiteId: 'ww_suite',
  suiteSecret: 'suite-secret',
  providerCorpId: 'ww_provider',
}
export const otherSuite: Suite = { suiteId: 'ww_other_suite', suiteSecret: 'other-suite-secret' }
export const tenant: Tenant = { suiteId: 'ww_suite', corpId: 'ww_tenant', permanentCode: 'permanent' }

export const startProvider = (options: SimulatorOptions = {}): Promise<Simulator> =>
  startSimulator({
    apps: [defaultApp],
    suites: [suite, otherSuite],
    tenants: [tenant],
    providers: [provider],
    ...options,
  })

export const askSuiteToken = (
  simulator: Simulator,
  ticket: string,
  { suiteId, suiteSecret }: Suite = suite,
): Promise<JsonAnswer> =>
  postJson(simulator, 'service/get_suite_token', {
    suite_id: suiteId,
    suite_secret: suiteSecret,
    suite_ticket: ticket,
  })

export const suiteTokenOf = async (simulator: Simulator, of = suite): Promise<string> =>
  String((await askSuiteToken(simulator, simulator.issueTicket(of.suiteId), of)).json['suite_access_token'])

export const askCorpToken = (
  simulator: Simulator,
  suiteToken: string,
  { corpId, permanentCode }: Pick<Tenant, 'corpId' | 'permanentCode'> = tenant,
): Promise<JsonAnswer> =>
  postJson(simulator, `service/get_corp_token?suite_access_token=${suiteToken}`, {
    auth_corpid: corpId,
    permanent_code: permanentCode,
  })

export const corpTokenOf = async (simulator: Simulator): Promise<string> =>
  String((await askCorpToken(simulator, await suiteTokenOf(simulator))).json['access_token'])

export const askProviderToken = (
  simulator: Simulator,
  { corpId, providerSecret }: Provider = provider,
): Promise<JsonAnswer> =>
  postJson(simulator, 'service/get_provider_token', { corpid: corpId, provider_secret: providerSecret })

export const providerTokenOf = async (simulator: Simulator): Promise<string> =>
  String((await askProviderToken(simulator)).json['provider_access_token'])
