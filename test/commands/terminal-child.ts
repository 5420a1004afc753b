/** Runs its argument on a terminal of its own; IPC messages are keys pressed there. What is seen comes to stdout. */

import { spawn } from 'node:child_process'

/** With this process `script` ends too, and with its terminal whatever runs there. */
const script = ['--pdeathsig', 'KILL', 'script', '-qec', process.argv[2] ?? '', '/dev/null']

const child = spawn('setpriv', script, { stdio: ['pipe', 'pipe', 'inherit'] })
child.stdout.pipe(process.stdout)
process.on('message', ({ keys }: { keys: string }) => child.stdin.write(keys))
child.on('close', code => {
  process.exitCode = code ?? 1
  process.disconnect()
})
