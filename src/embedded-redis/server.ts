/** Starts a Redis server on this host and waits until it answers. Never reachable from another host. */

import { execFile } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import { systemClock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { type Guarded, launch } from './guardian.ts'

export interface Binary {
  /** As found through PATH. */
  readonly command: string
  readonly version: string
}

export interface ServerOptions {
  readonly command: string
  /** Where the server keeps its data; made when missing. */
  readonly folder: string
  /** Whether the data outlives the server. Default false: the folder goes with it. */
  readonly keepFolder?: boolean
  /** Default: a free one, another one when somebody else takes it first. */
  readonly port?: number
  /** Default false. */
  readonly appendOnly?: boolean
  /** Default: no bound. */
  readonly maxMemoryBytes?: number
  /** More of the server's own arguments, such as `--cluster-enabled yes`. */
  readonly args?: readonly string[]
}

export interface RunningServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Resolves when the server has ended and, where it was to go, its folder is gone. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const run = promisify(execFile)

/** Forks of one another; both serve BullMQ. Valkey first, because its licence is free everywhere. */
const commands = ['valkey-server', 'redis-server']

/** The first server on PATH, if any. */
export const findBinary = async (): Promise<Binary | undefined> => {
  for (const command of commands) {
    const answer = await run(command, ['--version']).catch(() => undefined)
    const version = /v=([\d.]+)/.exec(answer?.stdout ?? '')?.[1]
    if (version !== undefined) return { command, version }
  }
  return undefined
}

const attempts = 5
const startMs = 30_000
const lookEveryMs = 15

/** Starts a server and resolves when it answers. Faults: `config`, with the server's last words. */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { command, folder, keepFolder = false } = options
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    const server = await launch(commandLine(options, port), { path: folder, keep: keepFolder })
    if (await answersInTime(server, port)) {
      server.letGo()
      const { pid, ended, stop } = server
      return { url: `redis://127.0.0.1:${port}`, port, pid, ended, stop }
    }
    await server.stop()
    // Between finding a free port and binding it, somebody else may have taken it.
    if (options.port === undefined && attempt < attempts) continue
    throw new Fault('config', `${command} did not start on port ${port}: ${server.lastWords()}`)
  }
}

const commandLine = (options: ServerOptions, port: number): string[] => [
  ...[
    options.command,
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--dir',
    options.folder,
    '--daemonize',
    'no',
  ],
  // BullMQ loses jobs under any other policy. Its keys are never a cache.
  ...['--maxmemory-policy', 'noeviction', '--maxmemory', `${options.maxMemoryBytes ?? 0}`],
  ...['--appendonly', options.appendOnly ? 'yes' : 'no', '--save', '', '--loglevel', 'warning'],
  ...(options.args ?? []),
]

const answersInTime = async (server: Guarded, port: number): Promise<boolean> => {
  const endMs = systemClock.monotonicMs() + startMs
  while (!server.hasEnded() && systemClock.monotonicMs() < endMs) {
    const facts = await ask(port)
    // The process id, because another server may have been quicker to take the port.
    if (facts.includes(`process_id:${server.pid}\r\n`) && facts.includes('loading:0\r\n')) return true
    await systemClock.sleep(lookEveryMs)
  }
  return false
}

/** What INFO says, or nothing. Plain sockets: a client library would retry, and complain. */
const ask = (port: number): Promise<string> =>
  new Promise(resolve => {
    let answer = ''
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 })
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('timeout', () => socket.destroy())
    socket.on('error', () => {}) // Not there yet: 'close' follows.
    socket.on('close', () => resolve(answer))
    socket.write('INFO\r\nQUIT\r\n')
  })

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
