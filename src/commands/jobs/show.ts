/** `wecom-media jobs show`: all that is known about one job, without what its URLs would open. */

import type { Command } from 'commander'
import { Fault } from '../../fault.ts'
import { scrub } from '../../log.ts'
import type { JobRecord } from '../../record/index.ts'
import { isForPrograms, printObject, printResult } from '../exit.ts'
import { withFleet } from '../fleet.ts'
import { localTime } from '../follow.ts'
import { type JsonFlag, jsonOption } from '../help.ts'
import { parseId } from './filter.ts'

export const show = (jobs: Command): void => {
  jobs
    .command('show')
    .description('show all that is known about a job; of URLs only the host')
    .argument('<id>', 'as "jobs list" shows it', text => parseId(text)[0])
    .addOption(jsonOption())
    .action(run)
}

const run = (id: string, { json }: JsonFlag): Promise<void> =>
  withFleet(async ({ records, admin }) => {
    const record = await records.read(id)
    if (!record) throw unknownJob(id)
    const place = await admin.stateOf(record.queue, record.jobId).catch(() => 'unknown')
    const shown = withoutUrls({ ...record, payload: JSON.parse(record.payload), place })
    if (isForPrograms(json)) return printObject(shown)
    printResult(shown, linesOf(record, place, withoutUrls(JSON.parse(record.payload))))
  })

export const unknownJob = (id: string): Fault =>
  new Fault('not-found', `no job ${id}: the id is wrong, or the job ended long ago and was forgotten`)

const longest = 2_000

const sizeOf = (text: unknown): string => `(${Buffer.byteLength(String(text))} bytes)`

/** Path and query of a URL can be the secret, and a document is no fact about a job. */
function withoutUrls<T>(value: T): T
function withoutUrls(value: unknown): unknown {
  if (typeof value === 'string') return shownText(value)
  if (Array.isArray(value)) return value.map(each => withoutUrls(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === 'html' ? sizeOf(each) : withoutUrls(each)]),
  )
}

function shownText(text: string): string {
  if (text.length > longest) return sizeOf(text)
  return scrub(text).replace(/\b(https?:\/\/)(?:[^\s/@]*@)?([^\s/?#"'<>]+)[/?#][^\s"'<>]*/gi, '$1$2/…')
}

function linesOf(record: JobRecord, place: string, payload: unknown): [string, string][] {
  const { id, name, queue, state, createdAtMs, endedAtMs, deadlineAtMs, waiting, fault, lastFault } = record
  const why = fault ?? lastFault
  const steps = Object.keys(record.steps)
  const lines: [string, string | false | undefined][] = [
    ['id', id],
    ['job', `${name} in queue ${queue} (there: ${place})`],
    ['state', state],
    ['asked for', localTime(createdAtMs)],
    ['ended', endedAtMs !== undefined && localTime(endedAtMs)],
    ['deadline', endedAtMs === undefined && localTime(deadlineAtMs)],
    ['waits', waiting && `until ${localTime(waiting.untilMs)}: ${waiting.why.kind}: ${waiting.why.message}`],
    ['fault', why && `${why.kind}${why.errcode === undefined ? '' : ` ${why.errcode}`}: ${why.message}`],
    ['attempts', countsOf(record)],
    ['progress', record.progress !== undefined && JSON.stringify(record.progress)],
    ['steps', steps.length > 0 && steps.join(', ')],
    ['payload', JSON.stringify(payload)],
    ['result', record.result !== undefined && JSON.stringify(withoutUrls(record.result))],
  ]
  return lines.flatMap(([label, text]) => (text ? [[label, scrub(text)] as [string, string]] : []))
}

function countsOf({ fence, calls, units, unknowns, duplicates, tries }: JobRecord): string {
  const refused = Object.entries(tries).map(([kind, count]) => `${count} × ${kind}`)
  return [
    `${fence} begun, ${calls} calls, ${units} counted by the platform`,
    ...(unknowns > 0 ? [`${unknowns} with an outcome that nobody knows`] : []),
    ...(duplicates > 0 ? [`${duplicates} duplicates`] : []),
    ...(refused.length > 0 ? [`refused: ${refused.join(', ')}`] : []),
  ].join('; ')
}
