/** The submissions of an async upload as its record keeps them, and when to look after one. Pure. */

import type { FaultReport } from '../fault.ts'
import type { Step } from '../record/index.ts'

/** What is kept when the platform has taken a submission. */
export interface Submitted {
  readonly jobId: string
  readonly md5: string
  readonly sizeBytes: number
  /** Whether the md5 is ours: then the file may have changed since. */
  readonly computed: boolean
}

export interface Submission extends Submitted {
  /** From 1. */
  readonly number: number
  /** Ms of Redis time. */
  readonly atMs: number
  readonly end?: { readonly fault: FaultReport; readonly atMs: number }
}

/** Oldest first. */
export function submissionsIn(steps: ReadonlyMap<string, Step>): Submission[] {
  const found: Submission[] = []
  for (let number = 1; ; number += 1) {
    const submitted = steps.get(`submitted:${number}`)
    if (!submitted) return found
    const end = steps.get(`ended:${number}`)
    found.push({
      ...(submitted.value as Submitted),
      number,
      atMs: submitted.atMs,
      ...(end && { end: { fault: end.value as FaultReport, atMs: end.atMs } }),
    })
  }
}

/** What the platform's callback and our record call it. */
export const aliasOf = (corpId: string, jobId: string): string => `${corpId} ${jobId}`

const firstLookMs = 2_000
/** A jobid lives 60 minutes (document/path/96219): many looks fit in, even when a worker is away for half of them. */
const longestGapMs = 120_000

/** Growing with the time since the submission, or since something was heard of it, ms. */
export const waitBeforeLook = (nowMs: number, sinceMs: number): number =>
  Math.min(longestGapMs, Math.max(firstLookMs, Math.round((nowMs - sinceMs) / 3)))
