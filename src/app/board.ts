/** The dashboard of a process, when a password is configured: its connection, who may do what, and who did it. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { boardPath } from '../http/board/door.ts'
import { createSessions } from '../http/board/session.ts'
import type { Board } from '../http/board.ts'
import { keepSecret, type Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { createAdmin } from '../queues/admin.ts'
import { steering } from '../queues/steer.ts'
import { createRecords } from '../record/index.ts'
import { connectProducer } from '../redis.ts'
import { redisTrouble } from './redis-trouble.ts'

export interface DashboardParts {
  readonly redisUrl: string
  /** Of the jobs. */
  readonly namespace: string
  readonly log: Logger
  readonly metrics: Metrics
}

/** Undefined when no password is configured. */
export async function openBoard(config: Config, parts: DashboardParts): Promise<Board | undefined> {
  const { redisUrl, namespace, log, metrics } = parts
  if (config.board === undefined) return undefined
  const { user, password, mayWrite, grafanaUrl } = config.board
  keepSecret(password)
  const onError = redisTrouble({ log, metrics, clock: systemClock }, 'board')
  const sessions = await createSessions({
    ...{ user, password, deployment: namespace, path: boardPath, clock: systemClock },
  })
  // Loaded where somebody logs in only: a worker without it starts sooner, and is smaller.
  const { createBoard } = await import('../http/board.ts')
  const redis = connectProducer(redisUrl, { name: 'wecom-media-board', onError })
  const records = createRecords(redis, namespace)
  const admin = createAdmin(redis, namespace, () => undefined)
  const board = createBoard({
    ...{ redis, namespace, sessions, mayWrite, grafanaUrl, onError },
    steering: steering(records, admin),
    read: records.read,
    environment: new URL(config.baseUrl).host,
    // One user for all: the address tells who it was, as far as it can be told.
    onDeed: deed => log.info({ ...deed, user }, 'done on the board'),
    onLogin: event => log[event.what === 'login refused' ? 'warn' : 'info'](event, 'board'),
  })
  const close = async () => {
    await Promise.all([board.close(), admin.close()])
    redis.disconnect()
  }
  return { ...board, close }
}
