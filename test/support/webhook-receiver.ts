/** Whoever is told of ends of jobs: keeps each message, and answers as the test says. */

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { atEnd } from './at-end.ts'

export interface Message {
  readonly path: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What the nth request (from 1) is answered with: a status, or anything done by hand. */
export type Answer = (nth: number) => number | ((response: ServerResponse) => void)

export interface WebhookReceiver {
  readonly port: number
  readonly url: string
  readonly messages: readonly Message[]
  readonly env: Readonly<Record<string, string>>
  answer(with_: Answer): void
}

/** Settings of workers that may tell whoever listens at this port of loopback. */
export const webhookEnv = (port: number) => ({
  WECOM_MEDIA_WEBHOOK_HOSTS: '127.0.0.1',
  WECOM_MEDIA_WEBHOOK_PORTS: String(port),
  WECOM_MEDIA_WEBHOOK_NETS: '127.0.0.0/8',
  WECOM_MEDIA_WEBHOOK_SECRET: webhookSecret,
})

export const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export async function startWebhookReceiver(first: Answer = () => 204): Promise<WebhookReceiver> {
  let answer = first
  const messages: Message[] = []
  const server = createServer(async (request, response) => {
    const { url: path = '', method = '', headers } = request
    messages.push({ path, method, headers, body: await text(request) })
    const given = answer(messages.length)
    if (typeof given === 'number') response.writeHead(given).end()
    else given(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}/ended?for=s3cret-of-the-app`,
    messages,
    env: webhookEnv(port),
    answer(with_) {
      answer = with_
    },
  }
}
