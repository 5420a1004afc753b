/** Starts scripts of ours as real processes, to be killed, stopped and watched. None outlives its test. */

import { type ChildProcess, spawn } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { atEnd } from './at-end.ts'
import { until } from './until.ts'

export interface NodeOptions {
  readonly args?: readonly string[]
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface NodeProcess {
  readonly pid: number
  stdout(): string
  stderr(): string
  /** The next JSON object the script prints as a line on stdout; each line is given once. */
  line<T = Record<string, unknown>>(withinMs?: number): Promise<T>
  /** SIGKILL, SIGSTOP, SIGCONT, SIGTERM, SIGINT. */
  signal(name: NodeJS.Signals): void
  /** An IPC message; the script hears it by `process.on('message')`. */
  send(message: object): void
  readonly ended: Promise<End>
}

const preload = pathToFileURL(`${import.meta.dirname}/die-with-parent.ts`).href

/** Runs a script with our Node. Ask `line()` for its "ready". */
export const startNode = (script: string, { args = [], env = {}, cwd }: NodeOptions = {}): NodeProcess => {
  const child = spawn(process.execPath, ['--import', preload, script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  child.on('error', () => {}) // A message to a script that has ended; what follows is seen by `ended`.
  const ended: Promise<End> = new Promise(resolve =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  atEnd(() => {
    child.kill('SIGKILL')
    return ended
  })
  const stdout = collect(child, 'stdout')
  const stderr = collect(child, 'stderr')
  const { pid } = child
  if (pid === undefined) throw new Error(`${script} could not be started`)
  return {
    pid,
    stdout,
    stderr,
    line: jsonLines(
      child,
      stdout,
      () => `${script} printed no further JSON line; stderr: ${stderr().slice(-2000)}`,
    ),
    signal: name => {
      child.kill(name)
    },
    send: message => {
      child.send(message)
    },
    ended,
  }
}

const collect = (child: ChildProcess, name: 'stdout' | 'stderr'): (() => string) => {
  let text = ''
  child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return () => text
}

const jsonLines = (child: ChildProcess, stdout: () => string, trouble: () => string) => {
  let given = 0
  const next = () => {
    const lines = stdout().split('\n').slice(0, -1)
    while (given < lines.length) {
      const line = lines[given++]
      if (line?.startsWith('{')) return line
    }
    return undefined
  }
  return async <T>(withinMs = 15_000): Promise<T> => {
    const over = () => child.exitCode !== null || child.signalCode !== null
    const look = () => next() ?? (over() && child.stdout?.readableEnded ? 'over' : undefined)
    const line = await until('a JSON line', look, { withinMs }).catch(() => 'over')
    if (line === 'over') throw new Error(trouble())
    return JSON.parse(line)
  }
}
