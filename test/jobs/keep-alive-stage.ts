/** A deployment with an upload that is kept alive as "logo": aged at will, looked at until something shows. */

import { randomBytes } from 'node:crypto'
import type { KeptMedia } from '../../src/index.ts'
import { keptId } from '../../src/ledger/index.ts'
import { type Deployment, type DeploymentOptions, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs
export const png = (): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(500)])
export const inDays = (days: number): string => new Date(Date.now() + days * dayMs).toISOString()

/** Looks are frequent, so that a renewal that is due begins at once. */
const env = { WECOM_MEDIA_RENEW_LOOK_MS: '200' }

export const begin = async (days = 30, options: DeploymentOptions = {}) => {
  const it = await deploy({ env, ...options })
  const content = png()
  const source = { path: await it.put('logo.png', content) }
  const payload = { type: 'image', source, keepAlive: { name: 'logo', until: inDays(days) } } as const
  const kept = () => it.producer.kept({ name: 'logo' })
  return {
    ...it,
    ...{ content, source, payload, kept },
    upload: async () => it.producer.result(await it.producer.upload(payload), { timeoutMs: 10_000 }),
    /** As if it had been uploaded so long ago; `meanwhile` happens before anybody here knows of its media_id. */
    async uploadAged(ms: number, meanwhile: () => unknown = () => undefined) {
      it.simulator.clock.set(Date.now() - ms)
      it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
      const job = await it.producer.upload(payload)
      await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
      it.simulator.clock.set(Date.now())
      const done = meanwhile()
      it.simulator.release()
      await done
      return it.producer.result(job, { timeoutMs: 10_000 })
    },
    /** The next try need not wait for its time. */
    async hurry() {
      const key = `${it.namespace}:kept`
      await it.redis.hdel(`${key}:${keptId('default', 'logo')}`, 'triedAtMs')
      await it.redis.zadd(key, 0, keptId('default', 'logo'))
    },
    seen: (what: string, look: (kept: KeptMedia) => boolean): Promise<KeptMedia> =>
      until(
        what,
        async () => {
          const found = await kept()
          return found && look(found) ? found : undefined
        },
        { withinMs: 10_000 },
      ),
  }
}

/** Calls that the platform answered with a media_id. */
export const taken = ({ simulator }: Pick<Deployment, 'simulator'>) =>
  simulator.log({ method: 'media/upload' }).filter(({ errcode }) => errcode === 0)
