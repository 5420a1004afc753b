/** The table that the demo prints: one row per file that went up and down again. */

import Table from 'cli-table3'
import { sizeOf } from './bar.ts'

export interface Row {
  readonly name: string
  readonly type: string
  readonly sizeBytes: number
  readonly mediaId: string
  readonly expiresAtMs: number
  readonly uploadMs: number
  readonly downloadMs: number
  readonly same: boolean
}

export function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['file', 'type', 'size', 'media_id', 'expires', 'up', 'down', 'same bytes'],
    colAligns: ['left', 'left', 'right', 'left', 'left', 'right', 'right', 'center'],
    style: { head: [], border: [] },
  })
  for (const { name, type, sizeBytes, mediaId, expiresAtMs, uploadMs, downloadMs, same } of rows) {
    const expires = new Date(expiresAtMs).toLocaleString('sv').slice(0, 16)
    const times = [uploadMs, downloadMs].map(ms => `${Math.round(ms)} ms`)
    const shortId = `${mediaId.slice(0, 12)}…`
    table.push([name, type, sizeOf(sizeBytes), shortId, expires, ...times, same ? 'yes' : 'NO'])
  }
  return table.toString()
}
