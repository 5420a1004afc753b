/** One worker process of bench/limits.ts: ours, or a bare BullMQ worker under another limiter, with our client and no gate. */

import { createReadStream } from 'node:fs'
import { DelayedError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible'
import { startApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createLog } from '../src/log.ts'
import { createClient, redisTokenStore } from '../src/wecom/index.ts'

const [side = 'gate', amountText, windowText, path = ''] = process.argv.slice(2)
const max = Number(amountText)
const windowMs = Number(windowText)
const config = readConfig()
const redisUrl = config.redisUrl ?? ''

if (side === 'gate') await startApp(config, { redisUrl, log: createLog('error'), listen: false })
else bare()

function bare(): void {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null })
  const app = config.apps['default']
  if (!app || app.kind === 'third-party') throw new Error('set WECOM_CORP_ID and WECOM_CORP_SECRET')
  const { corpId, secret } = app
  const tokens = redisTokenStore({ redis, prefix: 'bench' })
  const client = createClient({ corpId, secret, baseUrl: config.baseUrl, tokens, connections: 32 })
  const send = (name: string) =>
    client.upload({ type: 'file', name, sizeBytes: 4096, open: async () => createReadStream(path) })
  const flexible = new RateLimiterRedis({ storeClient: redis, points: max, duration: windowMs / 1000 })
  const limiter = side === 'bullmq' ? { limiter: { max, duration: windowMs } } : {}
  const worker = new Worker(
    'bench',
    async (job, token) => {
      if (side === 'flexible') {
        const refused = await flexible.consume('corp').then(
          () => undefined,
          (result: RateLimiterRes) => result,
        )
        if (refused) {
          await job.moveToDelayed(Date.now() + refused.msBeforeNext, token)
          throw new DelayedError()
        }
      }
      return await send(job.data.name)
    },
    { connection: redis, concurrency: 16, ...limiter },
  )
  worker.on('error', error => process.stderr.write(`${error.message}\n`))
}
