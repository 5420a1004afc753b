/** A process with a board, and somebody who looks at it over HTTP. */

import { startApp } from '../../src/app.ts'
import { createLog } from '../../src/log.ts'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, type DeploymentOptions, deploy } from '../support/deployment.ts'

export const password = 'a-password-of-no-value'

export interface BoardStage extends Deployment {
  readonly url: string
  /** Lines of the log, parsed. */
  readonly logged: readonly Readonly<Record<string, unknown>>[]
  /** As a browser that is on the board asks; `headers` come on top. */
  ask(
    verb: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Response>
  logIn(user?: string, secret?: string, next?: string): Promise<Response>
  /** The `Cookie` header of a session. */
  session(): Promise<string>
}

/** `write`: the board may change things. */
export async function startBoard({
  write = false,
  ...options
}: DeploymentOptions & { readonly write?: boolean } = {}): Promise<BoardStage> {
  const board = { WECOM_MEDIA_BOARD_PASSWORD: password, WECOM_MEDIA_BOARD_WRITE: String(write) }
  const deployment = await deploy({ ...options, env: { ...board, ...options.env } })
  const logged: Record<string, unknown>[] = []
  const log = createLog('info', { stream: { write: line => void logged.push(JSON.parse(line)) } })
  const app = await startApp(deployment.config, { redisUrl: deployment.config.redisUrl ?? '', log })
  atEnd(() => app.stop())
  const url = app.url ?? ''
  const ask: BoardStage['ask'] = (verb, path, headers = {}, body) =>
    fetch(`${url}${path}`, {
      method: verb,
      redirect: 'manual',
      headers: { 'sec-fetch-site': 'same-origin', ...headers },
      ...(body !== undefined && { body }),
    })
  const logIn: BoardStage['logIn'] = (user = 'admin', secret = password, next) =>
    ask(
      'POST',
      '/board/login',
      form,
      new URLSearchParams({ user, password: secret, ...(next && { next }) }).toString(),
    )
  const session = async () => (await logIn()).headers.get('set-cookie')?.split(';')[0] ?? ''
  return { ...deployment, url, logged, ask, logIn, session }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }
