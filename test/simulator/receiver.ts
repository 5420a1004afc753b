/** A receiver of callbacks as anybody would write one, with another library; nothing here knows our own receiver. */

import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decrypt, getSignature } from '@wecom/crypto'
import type { CallbackTarget, SimulatorOptions } from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'

export const keys = { token: 'TestToken01', aesKey: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPA' }

export interface Received {
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  /** Whether the signature is right. */
  readonly signed: boolean
  readonly message: string
  readonly receiver: string
}

/** How one request is answered: a status, a text with 200, or not at all. */
export type Answer = number | string | 'hang' | ((response: ServerResponse) => void)

export interface Receiver {
  readonly url: string
  readonly target: CallbackTarget
  readonly received: Received[]
  /** The jobids or types of the messages, in the order in which they came. */
  readonly events: () => string[]
  /** Resolves once so many requests have come in all. */
  readonly arrived: (count: number) => Promise<void>
}

/** `answers` in turn, then 200 (and the echo to a check). */
export const startReceiver = async (answers: Answer[] = []): Promise<Receiver> => {
  const received: Received[] = []
  const arrivals = new EventEmitter()
  const server = createServer((request, response) => {
    void readAll(request).then(body => {
      const one = readRequest(request.url ?? '', body)
      received.push(one)
      arrivals.emit('one')
      reply(response, answers.shift() ?? (request.method === 'GET' ? one.message : 200))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  const events = (): string[] => received.map(({ message }) => field(message, 'JobId') ?? typeOf(message))
  const arrived = async (count: number): Promise<void> => {
    while (received.length < count) await once(arrivals, 'one')
  }
  return { url, target: { ...keys, url }, received, events, arrived }
}

export const field = (message: string, name: string): string | undefined =>
  new RegExp(`<${name}>(?:<!\\[CDATA\\[)?(.*?)(?:\\]\\]>)?</${name}>`).exec(message)?.[1]

export const withCallback = (
  receiver: Receiver,
  switches: SimulatorOptions['switches'] = {},
): SimulatorOptions => ({
  apps: [{ corpId: 'ww_one', secret: 's1', agent: '1000002', callback: receiver.target }],
  switches: { callbackRetryGapMs: 5, ...switches },
})

const typeOf = (message: string): string => field(message, 'MsgType') ?? field(message, 'InfoType') ?? message

function readRequest(path: string, body: string): Received {
  const url = new URL(path, 'http://receiver')
  const [timestamp, nonce] = [url.searchParams.get('timestamp') ?? '', url.searchParams.get('nonce') ?? '']
  const encrypted = url.searchParams.get('echostr') ?? field(body, 'Encrypt') ?? ''
  const signature = getSignature(keys.token, timestamp, nonce, encrypted)
  const { message, id } = decrypt(keys.aesKey, encrypted)
  const signed = signature === url.searchParams.get('msg_signature')
  return { path: url.pathname, query: url.searchParams, body, signed, message, receiver: id }
}

const readAll = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

function reply(response: ServerResponse, answer: Answer): void {
  if (answer === 'hang') return
  if (typeof answer === 'function') {
    answer(response)
    return
  }
  response.writeHead(typeof answer === 'number' ? answer : 200)
  response.end(typeof answer === 'number' ? '' : answer)
}
