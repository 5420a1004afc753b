/** Processes of a benchmark and the questions they are asked: each side of a comparison runs in one of its own. */

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'

export interface Child {
  readonly pid: number
  /** Sends a question and answers what the process says to it. */
  ask<T>(question: string, detail?: unknown): Promise<T>
  stop(): Promise<void>
}

interface Told {
  readonly re: number
  readonly answer: unknown
}

/** Starts a script of bench/ and resolves when it says that it is ready (question 0). */
export async function startChild(
  script: string,
  env: Readonly<Record<string, string>> = {},
  execArgv: readonly string[] = [],
): Promise<Child> {
  const child = fork(join(import.meta.dirname, script), {
    env: { ...process.env, ...env },
    execArgv: [...process.execArgv, ...execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const answers = listen(child, script)
  const ended = new Promise(resolve => child.once('exit', resolve))
  await answers.of(0)
  let last = 0
  return {
    pid: child.pid ?? 0,
    ask<T>(question: string, detail?: unknown) {
      last += 1
      const answer = answers.of(last) as Promise<T>
      child.send({ re: last, question, detail })
      return answer
    },
    async stop() {
      // A profile is written at a normal end only.
      child.kill('SIGTERM')
      await ended
    },
  }
}

function listen(child: ChildProcess, script: string): { of(re: number): Promise<unknown> } {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  child.on('message', ({ re, answer }: Told) => {
    waiting.get(re)?.resolve(answer)
    waiting.delete(re)
  })
  child.once('exit', code => {
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended with ${code}`))
  })
  return {
    of(re) {
      const pending = Promise.withResolvers<unknown>()
      waiting.set(re, pending)
      return pending.promise
    },
  }
}

/** In the child: answers questions by name, and tells the parent that it is ready. */
export function answer(questions: Readonly<Record<string, (detail: never) => unknown>>): void {
  process.on('message', async ({ re, question, detail }: { re: number; question: string; detail: never }) => {
    process.send?.({ re, answer: await questions[question]?.(detail) })
  })
  process.once('disconnect', () => process.exit(0))
  process.once('SIGTERM', () => process.exit(0))
  process.send?.({ re: 0, answer: undefined })
}

/** CPU time of this process so far, ms. */
export const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** The most memory that this process ever had resident, MiB. */
export const peakMiB = (): number => process.resourceUsage().maxRSS / 1_024
