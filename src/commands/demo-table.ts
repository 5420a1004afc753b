/** The tables that the demo prints: a row per file that went up and down again, and one per other way of the platform. */

import Table from 'cli-table3'
import { sizeOf } from './bar.ts'

export interface FileRow {
  readonly name: string
  readonly type: string
  readonly sizeBytes: number
  readonly mediaId: string
  readonly expiresAtMs: number
  readonly uploadMs: number
  readonly downloadMs: number
  readonly same: boolean
}

export function fileTable(rows: readonly FileRow[]): string {
  const table = new Table({
    head: ['file', 'type', 'size', 'media_id', 'expires', 'up', 'down', 'same bytes'],
    colAligns: ['left', 'left', 'right', 'left', 'left', 'right', 'right', 'center'],
    style: { head: [], border: [] },
  })
  for (const { name, type, sizeBytes, mediaId, expiresAtMs, uploadMs, downloadMs, same } of rows) {
    const expires = new Date(expiresAtMs).toLocaleString('sv').slice(0, 16)
    const times = [uploadMs, downloadMs].map(inMs)
    const shortId = `${mediaId.slice(0, 12)}…`
    table.push([name, type, sizeOf(sizeBytes), shortId, expires, ...times, same ? 'yes' : 'NO'])
  }
  return table.toString()
}

export interface MethodRow {
  readonly what: string
  /** A file of demo/. */
  readonly from: string
  readonly gives: string
  /** That the platform saw, without those for tokens. */
  readonly calls: number
  readonly ms: number
  readonly isRight: boolean
}

/** Without lines between rows: both tables fit on one screen. */
export function methodTable(rows: readonly MethodRow[]): string {
  const table = new Table({
    head: ['also', 'from', 'gives', 'calls', 'time', 'as expected'],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'center'],
    style: { head: [], border: [], compact: true },
  })
  for (const { what, from, gives, calls, ms, isRight } of rows)
    table.push([what, from, gives, calls, inMs(ms), isRight ? 'yes' : 'NO'])
  return table.toString()
}

const inMs = (ms: number): string => `${Math.round(ms)} ms`
