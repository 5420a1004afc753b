/** A renewal whose worker dies: BullMQ waits for its lock, which no clock of ours can shorten. */

import { expect, test } from 'vitest'
import { begin, hourMs, taken } from '../jobs/keep-alive-stage.ts'

test('a media_id that is kept alive survives the death of its worker in the middle of a renewal', async () => {
  const it = await begin()
  const here = await it.startHere()
  await it.uploadAged(49 * hourMs, () => {
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    return here.stop()
  })
  const worker = await it.startWorker()
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  worker.signal('SIGKILL')
  await worker.ended
  it.simulator.release()
  await it.startWorker()
  const { mediaId } = await it.seen('a renewal', ({ renewals }) => renewals === 1)
  expect(taken(it).at(-1)?.mediaId).toBe(mediaId)
  expect(await it.kept()).toMatchObject({ state: 'fresh', renewals: 1 })
}, 30_000)
