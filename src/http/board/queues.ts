/** TABLE: queue -> what the board calls it. Of jobs, each with a record, and of the beat that keeps media_ids alive, which has none. */

import { type QueueName, queueNames } from '../../queues/jobs.ts'
import { keepAliveQueue } from '../../queues/renew.ts'

export type QueueShown = QueueName | typeof keepAliveQueue

/** In the order of the page. */
export const queuesShown: readonly QueueShown[] = [...queueNames, keepAliveQueue]

interface Shown {
  readonly displayName: string
  readonly description: string
  /** Without them nothing is done on the board: a beat is no job that somebody asked for. */
  readonly hasRecords: boolean
}

export const shown: Readonly<Record<QueueShown, Shown>> = {
  upload: {
    displayName: 'Uploads',
    description: 'Temporary media: a file becomes a media_id for three days',
    hasRecords: true,
  },
  download: { displayName: 'Downloads', description: 'A media_id becomes a file', hasRecords: true },
  image: {
    displayName: 'Images',
    description: 'Permanent image URLs, within the quota of day and month',
    hasRecords: true,
  },
  article: {
    displayName: 'Articles',
    description: 'Every image of an HTML document becomes permanent',
    hasRecords: true,
  },
  async: {
    displayName: 'Async uploads',
    description: 'The platform fetches a file of up to 200 MB by its URL',
    hasRecords: true,
  },
  notify: {
    displayName: 'Webhooks',
    description: 'The ends of jobs are told to whoever asked for it',
    hasRecords: true,
  },
  'keep-alive': {
    displayName: 'Keep-alive',
    description: 'The beat that renews media_ids in time, as jobs of Uploads; read-only',
    hasRecords: false,
  },
}
