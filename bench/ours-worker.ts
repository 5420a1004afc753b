/** Our side of a comparison: one worker process of the product, as `serve` starts it, without its listeners. */

import { startApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createLog } from '../src/log.ts'
import { answer, cpuMs, peakMiB } from './children.ts'

const config = readConfig()
await startApp(config, { redisUrl: config.redisUrl ?? '', log: createLog('error'), listen: false })
answer({ cpu: cpuMs, peak: peakMiB })
