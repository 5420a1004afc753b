/** Our client and our sink without the queue: what a transfer costs when nothing is hashed, synced or written down. */

import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openLocal } from '../src/files/dir.ts'
import { download } from '../src/files/download.ts'
import { createClient } from '../src/wecom/index.ts'
import { answer, cpuMs } from './children.ts'

const { WECOM_BASE_URL = '', WECOM_MEDIA_ROOTS = '' } = process.env
const account = { corpId: 'ww_bench', secret: 'bench-secret-of-no-value' }
const client = createClient({ ...account, baseUrl: WECOM_BASE_URL })

interface Task {
  readonly path: string
  readonly times: number
}

async function upload({ path, times }: Task): Promise<number> {
  const startMs = performance.now()
  for (let n = 0; n < times; n += 1) {
    const source = await openLocal(path, { roots: [WECOM_MEDIA_ROOTS] })
    const { sizeBytes, open, pieces } = source
    await client.upload({ type: 'file', name: `${n}.bin`, sizeBytes, open, ...(pieces && { pieces }) })
    await source.close()
  }
  return performance.now() - startMs
}

async function fetchFile({ sizeBytes }: { readonly sizeBytes: number }): Promise<number> {
  const dir = await mkdtemp(join(WECOM_MEDIA_ROOTS, 'sink-'))
  const { signal } = new AbortController()
  const startMs = performance.now()
  const fetched = await download({
    ...{ dir, id: 'bench', signal, hash: false, durable: false },
    fetch: (range, signal) => client.get(`size-${sizeBytes}`, { range, signal }),
  })
  await fetched.publish('big.bin', async () => {})
  const ms = performance.now() - startMs
  await rm(dir, { recursive: true })
  return ms
}

answer({ cpu: cpuMs, upload, download: fetchFile })
