/** Downloads from an origin until somebody kills it. Arguments: base URL, folder, slice size. */

import { download } from '../../src/files/download.ts'
import { createClient } from '../../src/wecom/client.ts'

const [baseUrl = '', dir = '', sliceBytes = ''] = process.argv.slice(2)
const client = createClient({ corpId: 'ww1', secret: 'secret', baseUrl })
await download({
  dir,
  id: 'job',
  fetch: (range, signal) => client.get('MEDIA_ID', { range, signal }),
  sliceBytes: Number(sliceBytes),
  signal: new AbortController().signal,
})
