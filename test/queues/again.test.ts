/** A failed job that a person asks for again really runs, and does not only replay its end. */

import { expect, test } from 'vitest'
import { createAdmin } from '../../src/queues/admin.ts'
import { askAgain } from '../../src/queues/again.ts'
import { atEnd } from '../support/at-end.ts'
import { deploy } from '../support/deployment.ts'

test('a failed job runs again when it is asked for, and one that is done does not', async () => {
  const it = await deploy()
  await it.startHere()
  const admin = createAdmin(it.redis, it.namespace, () => undefined)
  atEnd(() => admin.close())
  const path = `${it.root}/late.txt`
  const job = await it.producer.upload({ type: 'file', source: { path } })
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({ kind: 'not-found' })
  await it.put('late.txt', 'here at last')
  expect(await askAgain(it.records, admin, job.id)).toBe('queued')
  expect(await it.producer.result(job, { timeoutMs: 5_000 })).toMatchObject({ name: 'late.txt' })
  expect(await askAgain(it.records, admin, job.id)).toBe('not-failed')
  expect(await askAgain(it.records, admin, 'nobody')).toBe('unknown')
})
