/**
 * Bull Board under /board: what it shows of queues and jobs passes `redacted`, what it does with a job goes by our record.
 * It has no door, no same-origin check and no headers of its own; those stand in board/door.ts.
 */

import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import rateLimit from '@fastify/rate-limit'
import { type Job, Queue } from 'bullmq'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { Fault } from '../fault.ts'
import type { Steering } from '../queues/steer.ts'
import type { JobRecord } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { boardHeaders, boardPath, deedOf, demandDeed, demandSession, refuseStrangers } from './board/door.ts'
import { type LoginEvent, mountLogin } from './board/login.ts'
import { type QueueShown, queuesShown, shown } from './board/queues.ts'
import { pageOfRecord } from './board/record.ts'
import { redacted } from './board/redact.ts'
import type { Sessions } from './board/session.ts'

export interface BoardParts {
  /** Fails fast: a page must not wait for a Redis that is away. */
  readonly redis: Connection
  readonly namespace: string
  readonly sessions: Sessions
  /** Whether jobs can be retried, promoted and removed, and queues paused. */
  readonly mayWrite: boolean
  readonly steering: Steering
  readonly read: (id: string) => Promise<JobRecord | undefined>
  /** Shown beside the title. */
  readonly environment: string
  /** A dashboard of metrics, if there is one. */
  readonly grafanaUrl?: string | undefined
  readonly onDeed: (deed: Deed) => void
  readonly onLogin: (event: LoginEvent) => void
  readonly onError: (error: Error) => void
}

/** Something was done, or tried, on the board. */
export interface Deed {
  readonly deed: string
  readonly queue?: string
  readonly job?: string
  readonly from: string
  readonly status: number
}

export interface Board {
  readonly path: string
  readonly mount: FastifyPluginAsync
  close(): Promise<void>
}

const pollEverySeconds = 5

export function createBoard(parts: BoardParts): Board {
  const { redis, namespace, mayWrite, onError } = parts
  const queues = queuesShown.map(name => {
    const queue = new Queue(name, { connection: redis, prefix: namespace, skipMetasUpdate: true })
    queue.on('error', onError)
    return queue
  })
  const adapter = new FastifyAdapter().setBasePath(boardPath)
  createBullBoard({
    queues: queues.map(queue => new BoardQueue(queue, mayWrite, parts.steering)),
    serverAdapter: adapter,
    options: { uiConfig: uiOf(parts) },
  })
  return {
    path: boardPath,
    mount: scope => mount(scope, parts, adapter),
    async close() {
      await Promise.all(queues.map(queue => queue.close()))
    },
  }
}

const uiOf = ({ mayWrite, environment, grafanaUrl }: BoardParts) => ({
  boardTitle: 'wecom-media',
  environment: {
    label: `${environment} · ${mayWrite ? 'write' : 'read-only'}`,
    color: mayWrite ? '#b45309' : '#4b5563',
    textColor: '#ffffff',
  },
  hideDocsLink: true,
  // CLIENT LIST once per queue and poll: dear in a large fleet, and our ACL line does not have it.
  showWorkers: false,
  pollingInterval: { showSetting: false, forceInterval: pollEverySeconds },
  miscLinks: [
    ...(grafanaUrl === undefined ? [] : [{ text: 'Grafana', url: grafanaUrl }]),
    { text: 'Metrics', url: '/metrics' },
    { text: 'Readiness', url: '/readyz' },
    { text: 'Log out', url: `${boardPath}/logout` },
  ],
})

/** A queue on the board. A retry or removal by BullMQ alone would leave the record as it was, and the job would replay its end. */
class BoardQueue extends BullMQAdapter {
  readonly #steering: Steering

  constructor(queue: Queue, mayWrite: boolean, steering: Steering) {
    const { hasRecords, ...names } = shown[queue.name as QueueShown]
    super(queue, {
      readOnlyMode: !mayWrite || !hasRecords,
      ...names,
      ...(hasRecords && {
        externalJobUrl: ({ id }) => ({
          displayText: 'Record',
          href: `${boardPath}/records/${steering.recordIdOf(queue.name, String(id))}`,
        }),
      }),
      // A result never changes: what is done is not done again.
      ...({ allowCompletedRetries: false } as object),
    })
    this.#steering = steering
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const job = await super.getJob(id)
    if (!job) return undefined
    const [retry, remove] = [job.retry.bind(job), job.remove.bind(job)]
    return Object.assign(job, {
      retry: () => this.#steering.retry(job, () => retry('failed')).catch(toldAsConflict),
      remove: () => this.#steering.remove(job, remove),
    })
  }
}

/** Bull Board answers with this status, and shows the message. */
const toldAsConflict = (error: unknown): never => {
  throw error instanceof Fault ? Object.assign(error, { statusCode: 409 }) : error
}

async function mount(scope: FastifyInstance, parts: BoardParts, adapter: FastifyAdapter): Promise<void> {
  const { sessions, mayWrite, onLogin, onDeed, read } = parts
  scope.addHook('onRequest', async (_request, reply) => {
    reply.headers(boardHeaders)
  })
  scope.addHook('preSerialization', async (_request, _reply, payload) => redacted(payload))
  await scope.register(rateLimit, { global: false })
  await scope.register(async outside => {
    outside.addHook('onRequest', refuseStrangers)
    mountLogin(outside, sessions, onLogin)
  })
  await scope.register(async inside => {
    inside.addHook('onRequest', demandSession(sessions))
    inside.addHook('onRequest', refuseStrangers)
    inside.addHook('onRequest', demandDeed(mayWrite))
    inside.addHook('onSend', async (_request, reply, page) => {
      // Scripts and styles come with a checksum: they are kept, and asked for each time.
      if (reply.hasHeader('etag')) reply.header('cache-control', 'private, no-cache')
      return ours(page)
    })
    inside.addHook('onResponse', async (request, reply) => {
      const deed = deedOf(request)
      if (deed === undefined) return
      const { queueName: queue, jobId: job } = request.params as { queueName?: string; jobId?: string }
      onDeed({
        deed,
        ...(queue && { queue }),
        ...(job && { job }),
        from: request.ip,
        status: reply.statusCode,
      })
    })
    inside.get<{ Params: { id: string } }>('/records/:id', async (request, reply) => {
      const record = await read(request.params.id)
      if (!record) return reply.code(404).send({ message: 'no job has this id, or it is long forgotten' })
      return reply.type('text/html; charset=utf-8').send(pageOfRecord(record))
    })
    await inside.register(adapter.registerPlugin())
  })
}

/** Buttons for what is refused anyway. What the icons stand for is theirs, so the version is pinned and test/slow/board.test.ts looks. */
const onlyWhatIsOffered = `<style>
[class*="queueActions-"], [class*="actionsCell-"] button,
[class*="jobActions-"] li:not(:has(.lucide-refresh-cw, .lucide-corner-up-left, .lucide-trash-2)),
[role="menuitem"]:has(> :is(.lucide-plus, .lucide-refresh-cw, .lucide-chart-no-axes-gantt, .lucide-gauge, .lucide-trash-2, .lucide-ban)) { display: none !important }
</style>`

/** Its page asks Google for fonts. */
const ours = (page: unknown): unknown =>
  typeof page === 'string' && page.startsWith('<!DOCTYPE html>')
    ? page.replace(/<link [^>]*href="https?:[^>]*>/g, '').replace('</head>', `${onlyWhatIsOffered}</head>`)
    : page
