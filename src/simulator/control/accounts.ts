/** Apps, suites, tenants and providers as the control API takes them; throws `BadInput` with one line. */

import type { Accounts, App, Grantee, Provider, Suite, Tenant } from '../apps.ts'
import { permissions } from '../apps.ts'
import { type CallbackTarget, readCallbackTarget } from '../callback-target.ts'
import type { Input } from './input.ts'

export function readAccounts(input: Input): Accounts {
  const accounts = {
    apps: input.inputs('apps').map(readApp),
    suites: input.inputs('suites').map(readSuite),
    tenants: input.inputs('tenants').map(readTenant),
    providers: input.inputs('providers').map(readProvider),
  }
  input.end()
  return accounts
}

export function readApp(input: Input): App {
  const kind = input.choiceIfAny('kind', ['self-built', 'agent-built'])
  const app = { ...readGrantee(input), secret: input.text('secret'), kind, callback: readCallback(input) }
  input.end()
  return app
}

function readTenant(input: Input): Tenant {
  const names = { suiteId: input.text('suiteId'), permanentCode: input.text('permanentCode') }
  const tenant = { ...readGrantee(input), ...names }
  input.end()
  return tenant
}

function readSuite(input: Input): Suite {
  const suite = {
    suiteId: input.text('suiteId'),
    suiteSecret: input.text('suiteSecret'),
    providerCorpId: input.textIfAny('providerCorpId'),
    callback: readCallback(input),
  }
  input.end()
  return suite
}

function readProvider(input: Input): Provider {
  const provider = { corpId: input.text('corpId'), providerSecret: input.text('providerSecret') }
  input.end()
  return provider
}

function readCallback(input: Input): CallbackTarget | undefined {
  const callback = input.inputIfAny('callback')
  return callback && readCallbackTarget(callback)
}

const readGrantee = (input: Input): Grantee => ({
  corpId: input.text('corpId'),
  agent: input.textIfAny('agent'),
  permissions: input.choicesIfAny('permissions', permissions),
})
