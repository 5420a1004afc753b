/** The simulator's own API beside the platform's: the direct methods of `Simulator` over HTTP, JSON in and out. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MediumSpec } from '../add-medium.ts'
import { callbackActions } from '../callback-control.ts'
import type { FaultSpec } from '../faults.ts'
import type { LockoutSpec } from '../limits/limits.ts'
import type { LimitChange } from '../limits/settings.ts'
import { readFilter } from '../log.ts'
import { readPeakQuestion, readRateQuestion } from '../rates.ts'
import { type TokenKind, tokenCodes } from '../rules.ts'
import type { Simulator } from '../simulator.ts'
import { readAccounts, readApp } from './accounts.ts'
import { BadInput, Input } from './input.ts'

export interface Action {
  readonly simulator: Simulator
  /** The JSON body of a POST, the query of everything else. */
  readonly input: Input
  /** The same, not yet taken apart. */
  readonly value: unknown
  readonly signal: AbortSignal
}

const actions: Readonly<Record<string, (action: Action) => unknown>> = {
  'GET log': ({ simulator, input }) => {
    const filter = readFilter(input)
    input.end()
    return { calls: simulator.log(filter) }
  },
  'GET count': ({ simulator, input }) => {
    const filter = readFilter(input)
    input.end()
    return { count: simulator.count(filter) }
  },
  'GET peak': ({ simulator, input }) => {
    const question = readPeakQuestion(input)
    input.end()
    return simulator.peak(question)
  },
  'GET rate': ({ simulator, input }) => {
    const question = readRateQuestion(input)
    input.end()
    return simulator.rate(question)
  },
  'GET wait': async ({ simulator, input, signal }) => {
    const filter = readFilter(input)
    const options = {
      count: input.integerIfAny('count', 1),
      timeoutMs: input.integerIfAny('timeoutMs', 0, 600_000),
      signal,
    }
    input.end()
    return { calls: await simulator.waitFor(filter, options) }
  },
  'GET clock': ({ simulator }) => simulator.clock.reading(),
  'POST clock': ({ simulator, input }) => {
    const advanceMs = input.integerIfAny('advanceMs', 0)
    const nowMs = input.integerIfAny('nowMs', 0)
    const frozen = input.flagIfAny('frozen')
    input.end()
    return simulator.setClock({ advanceMs, nowMs, frozen })
  },
  'GET faults': ({ simulator }) => ({ faults: simulator.faults.list() }),
  'POST faults': ({ simulator, value }) => simulator.faults.add(value as FaultSpec),
  'DELETE faults': ({ simulator, input }) => {
    const id = input.textIfAny('id')
    input.end()
    if (id === undefined) simulator.faults.clear()
    else if (!simulator.faults.remove(id)) throw new BadInput(`a fault: there is none with id ${id}`)
    return {}
  },
  'GET limits': ({ simulator }) => simulator.limits.settings,
  'POST limits': ({ simulator, value }) => simulator.limits.change(value as LimitChange),
  'GET lockouts': ({ simulator }) => ({ lockouts: simulator.limits.lockouts() }),
  'POST lockouts': ({ simulator, value }) => {
    simulator.limits.lockOut(value as LockoutSpec)
    return {}
  },
  'POST unblock': ({ simulator }) => {
    simulator.limits.unblock()
    return {}
  },
  'POST release': ({ simulator, input }) => {
    const callId = input.integerIfAny('callId', 1)
    input.end()
    return { released: simulator.release(callId) }
  },
  'POST tokens/invalidate': ({ simulator, input }) => {
    const which = {
      corpId: input.textIfAny('corpId'),
      suiteId: input.textIfAny('suiteId'),
      kind: input.choiceIfAny('kind', Object.keys(tokenCodes) as TokenKind[]),
    }
    const errcode = input.is('errcode', 42001) ? 42001 : input.is('errcode', 40014) ? 40014 : undefined
    if (errcode === undefined && !input.is('errcode', undefined)) {
      throw new BadInput("a token: 'errcode' must be 40014 or 42001")
    }
    input.end()
    return { invalidated: simulator.invalidateTokens({ ...which, errcode }) }
  },
  'POST apps': ({ simulator, input }) => {
    simulator.addApp(readApp(input))
    return {}
  },
  'POST accounts': ({ simulator, input }) => {
    simulator.directory.add(readAccounts(input))
    return {}
  },
  'POST tenants/revoke': ({ simulator, input }) => {
    const tenant = { suiteId: input.text('suiteId'), corpId: input.text('corpId') }
    input.end()
    return { revoked: simulator.directory.revoke(tenant) }
  },
  'POST tickets': ({ simulator, input }) => {
    const suiteId = input.text('suiteId')
    input.end()
    return { ticket: simulator.issueTicket(suiteId) }
  },
  'POST media': ({ simulator, value }) => simulator.addMedia(value as MediumSpec),
  'POST reset': async ({ simulator }) => {
    await simulator.reset()
    return {}
  },
  ...callbackActions,
}

/** Answers one request of the control API: 400 with one line for bad input, 404 for an unknown action. */
export async function control(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const ended = new AbortController()
  response.once('close', () => ended.abort())
  const name = `${request.method} ${url.pathname.replace(/^\/_control\//, '')}`
  try {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (!action)
      return end(response, 404, { error: `no such action; there are: ${Object.keys(actions).join(', ')}` })
    const value = request.method === 'POST' ? await readJson(request) : undefined
    const input = value === undefined ? Input.fromQuery(url.searchParams, name) : Input.from(value, name)
    end(response, 200, await action({ simulator, input, value, signal: ended.signal }))
  } catch (error) {
    if (error instanceof BadInput) end(response, 400, { error: error.message })
    else end(response, 500, { error: `defect of the simulator: ${String(error)}` })
  }
}

function end(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(value))
}

const maxBodyBytes = 64 * 1024 * 1024

/** An empty body counts as an empty object. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBodyBytes) throw new BadInput(`the body is longer than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString()
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    throw new BadInput('the body is not JSON')
  }
}
