/**
 * Runs a server that lives no longer than this process: a guardian shell holds a pipe from us and ends the
 * server when the pipe ends, however we ended. Nothing of it may depend on our saying goodbye.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

export interface Guarded {
  /** The server's; 0 when it could not even be started. */
  readonly pid: number
  /** Resolves when the server has ended and, where it was to go, its folder is gone. */
  readonly ended: Promise<void>
  hasEnded(): boolean
  /** From here on our process may end while the server runs. */
  letGo(): void
  lastWords(): string
  stop(): Promise<void>
}

export interface Folder {
  readonly path: string
  /** Whether it outlives the server. */
  readonly keep: boolean
}

/**
 * Arguments: folder, "keep" or "drop", then the server's command line. Absolute paths, because PATH may be
 * empty. The folder is made here and not by us, who could be killed before there is a guardian; for the same
 * reason PIPE is ignored. CONT comes after TERM, so that a stopped server ends too; KILL is for a deaf one.
 */
const script = `
folder=$1 fate=$2; shift 2
trap '' PIPE
umask 077
/bin/mkdir -p "$folder"
exec 3<&0
"$@" </dev/null 2>&1 3<&- &
server=$!
echo "pid $server"
exec >/dev/null 2>&1
(while read -r _ <&3; do :; done; kill -TERM $server; kill -CONT $server; /bin/sleep 5; kill -KILL $server) &
watch=$!
wait $server
kill -KILL $watch
[ "$fate" = keep ] || /bin/rm -rf "$folder"
`

/** Resolves when the server's process is there, which says nothing about whether it answers. */
export const launch = async (command: readonly string[], folder: Folder): Promise<Guarded> => {
  const fate = folder.keep ? 'keep' : 'drop'
  // Detached: Ctrl-C goes to the terminal's group, and we want to say goodbye to the server ourselves.
  const child = spawn('/bin/sh', ['-c', script, 'redis-guardian', folder.path, fate, ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.on('error', () => {}) // No /bin/sh: 'close' follows.
  child.stdin.on('error', () => {}) // EPIPE, when the guardian ended before us.
  const said = listen(child)
  let over = false
  const ended = new Promise<void>(resolve => child.once('close', () => resolve())).then(() => {
    over = true
  })
  const pid = await Promise.race([said.pid, ended.then(() => 0)])
  const stop = () => {
    child.ref()
    child.stdin.end()
    return ended
  }
  return { pid, ended, hasEnded: () => over, letGo: () => letGo(child), lastWords: said.lastWords, stop }
}

/** The guardian's first line names the server; all later ones are the server's. */
const listen = (child: ChildProcess) => {
  const keptChars = 2000
  let text = ''
  const pid = new Promise<number>(resolve => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-keptChars)
      const found = /^pid (\d+)$/m.exec(text)
      if (found) resolve(Number(found[1]))
    })
  })
  const lastWords = () => text.trim().split('\n').slice(-2).join(' ').trim() || 'it said nothing'
  return { pid, lastWords }
}

const letGo = (child: ChildProcess): void => {
  child.unref()
  ;(child.stdin as Socket).unref()
  ;(child.stdout as Socket).unref()
}
