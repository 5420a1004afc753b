/** The apps, suites, tenants and providers there are now, and what the platform says to credentials that do not fit. */

import type { Accounts, App, Provider, Suite, Tenant } from './apps.ts'
import { checkCallbacks } from './callback-target.ts'
import { BadInput } from './control/input.ts'
import type { Settings } from './options.ts'
import { Refusal, refusalFor } from './refusal.ts'

export class Directory {
  readonly #settings: Settings
  #apps: App[] = []
  #suites: Suite[] = []
  #tenants: Tenant[] = []
  #providers: Provider[] = []
  #lost = new Set<Tenant>()

  constructor(settings: Settings) {
    this.#settings = settings
    checkCallbacks(settings)
    this.reset()
  }

  /** Back to the start. */
  reset(): void {
    const { apps, suites, tenants, providers } = this.#settings
    this.#apps = [...apps]
    this.#suites = [...suites]
    this.#tenants = [...tenants]
    this.#providers = [...providers]
    this.#lost = new Set()
  }

  /** Throws `BadInput` for a callback that makes no sense. */
  add(accounts: Partial<Accounts>): void {
    checkCallbacks(accounts)
    const { apps = [], suites = [], tenants = [], providers = [] } = accounts
    this.#apps.push(...apps)
    this.#suites.push(...suites)
    this.#tenants.push(...tenants)
    this.#providers.push(...providers)
  }

  /** All there are now. */
  get accounts(): Accounts {
    return { apps: this.#apps, suites: this.#suites, tenants: this.#tenants, providers: this.#providers }
  }

  /** A company withdraws its authorisation, and its token is dead; answers whether there was one. */
  revoke({ suiteId, corpId }: Pick<Tenant, 'suiteId' | 'corpId'>): boolean {
    const before = this.#tenants.length
    const isGone = (tenant: Tenant): boolean => tenant.suiteId === suiteId && tenant.corpId === corpId
    for (const tenant of this.#tenants.filter(isGone)) this.#lost.add(tenant)
    this.#tenants = this.#tenants.filter(tenant => !isGone(tenant))
    return this.#tenants.length < before
  }

  /** Whether this is a tenant that withdrew; one that authorises again is another one. */
  hasLost(holder: object): boolean {
    return this.#lost.has(holder as Tenant)
  }

  /** For `gettoken`; throws 40013 or 40001. */
  app(corpId: string, secret: string): App {
    this.#demandCorp(corpId)
    const app = this.#apps.find(each => each.corpId === corpId && each.secret === secret)
    if (!app) throw new Refusal(40001)
    return app
  }

  /** For `service/get_suite_token`; throws 40083 or 40080. */
  suite(suiteId: string, suiteSecret: string): Suite {
    const suite = this.#suites.find(each => each.suiteId === suiteId)
    if (!suite) throw new Refusal(40083)
    if (suite.suiteSecret !== suiteSecret) throw new Refusal(40080)
    return suite
  }

  /** For `service/get_corp_token`; throws 40013, 48002, 48004 or 40084. */
  tenant({ suiteId }: Suite, corpId: string, permanentCode: string): Tenant {
    this.#demandCorp(corpId)
    const { switches } = this.#settings
    const isAgentBuilt = (app: App): boolean => app.kind === 'agent-built' && app.secret === permanentCode
    // The help text of 48002 names this mistake.
    if (this.#apps.some(app => app.corpId === corpId && isAgentBuilt(app))) throw new Refusal(48002)
    const ofCorp = this.#tenants.filter(tenant => tenant.suiteId === suiteId && tenant.corpId === corpId)
    if (ofCorp.length === 0) throw refusalFor('not-authorised', switches)
    const tenant = ofCorp.find(each => each.permanentCode === permanentCode)
    if (!tenant) throw new Refusal(40084)
    return tenant
  }

  /** For `service/get_provider_token`; throws 40013 or, assumed, 40001. */
  provider(corpId: string, providerSecret: string): Provider {
    const provider = this.#providers.find(each => each.corpId === corpId)
    if (!provider) throw new Refusal(40013)
    if (provider.providerSecret !== providerSecret) {
      throw refusalFor('wrong-provider-secret', this.#settings.switches)
    }
    return provider
  }

  /** Throws `BadInput` for a suite that does not exist. */
  demandSuite(suiteId: string): void {
    if (this.#suites.some(suite => suite.suiteId === suiteId)) return
    throw new BadInput(`a suite: there is none with id ${suiteId}`)
  }

  #demandCorp(corpId: string): void {
    // A company that withdrew its authorisation is still a company.
    const known = [...this.#apps, ...this.#tenants, ...this.#lost]
    if (!known.some(each => each.corpId === corpId)) throw new Refusal(40013)
  }
}
