#!/usr/bin/env node
/**
 * Starts the CLI. Plain JavaScript, because it must run under a Node that is too old for the rest: then it looks
 * for the Node that npm installed beside us and starts that one instead. From a checkout no build is needed.
 */

import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const home = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))))

/** undici 8 asks for it, and Node 22.18 is the first that runs TypeScript without a flag. */
const oldest = [22, 19]

const isTooOld = version => {
  const [major, minor] = version.split('.').map(Number)
  return major < oldest[0] || (major === oldest[0] && minor < oldest[1])
}

/** The Node of the npm package `node`, from our folder upwards; never the one that is running. */
const newerNode = folder => {
  const found = join(folder, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(found) && realpathSync(found) !== realpathSync(process.execPath)) return found
  const parent = dirname(folder)
  return parent === folder ? undefined : newerNode(parent)
}

const say = line => process.stderr.write(`wecom-media: ${line}\n`)

/** Runs the same command line under another Node and ends as that ends. */
const startAgain = node => {
  const env = { ...process.env, WECOM_MEDIA_LAUNCHER: String(process.pid) }
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit', env })
  const isTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(name, () => {
      // A terminal has sent Ctrl-C to the child as well, and a second one would end it at once.
      if (name !== 'SIGINT' || !isTerminal) child.kill(name)
    })
  child.once('error', error => {
    say(`${node} could not be started: ${error.message}`)
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** The reader has seen enough (`| head`): end like other commands do, 128 + SIGPIPE. */
const endWithReader = error => {
  // The terminal was closed: what runs still has to clean up behind itself.
  if (error.code === 'EIO') return
  if (error.code !== 'EPIPE') throw error
  process.exit(141)
}

/** Who was started again ends when its starter is killed: nobody else would tell it. */
const endWithLauncher = () => {
  const launcher = Number(process.env['WECOM_MEDIA_LAUNCHER'])
  delete process.env['WECOM_MEDIA_LAUNCHER']
  if (launcher !== process.ppid) return
  const watch = setInterval(() => {
    if (process.ppid === launcher) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 1000)
  watch.unref()
}

/** Process 1 of a container has no default for signals: while nobody listens yet, it would not even notice SIGTERM. */
const endAsProcessOne = () => {
  if (process.pid !== 1) return
  for (const [name, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
    process.on(name, () => {
      if (process.listenerCount(name) === 1) process.exit(128 + number)
    })
}

const runHere = async () => {
  endWithLauncher()
  endAsProcessOne()
  // Nearly halves the CPU of a start; Node 20 does not have it.
  module.enableCompileCache?.()
  process.stdout.on('error', endWithReader)
  process.stderr.on('error', endWithReader)
  const source = join(home, 'src/main.ts')
  const entry = existsSync(source) ? source : join(home, 'dist/main.js')
  const { main } = await import(pathToFileURL(entry).href)
  process.exitCode = 1 // If it never answers and Node runs out of work, that is no success.
  const code = await main(process.argv.slice(2))
  process.exitCode = code
  // Whatever is still open now is not worth waiting for.
  setTimeout(() => process.exit(code), 1000).unref()
}

const complain = error => {
  const isMissing = error?.code === 'ERR_MODULE_NOT_FOUND'
  say(
    isMissing
      ? `${error.message.split('\n', 1)[0]}. Run "npm ci" in ${home} first.`
      : (error?.stack ?? error),
  )
  process.exitCode = 1
}

if (isTooOld(process.versions.node)) {
  const node = newerNode(home)
  if (node) startAgain(node)
  else {
    say(
      `Node ${process.versions.node} is too old: use Node ${oldest.join('.')} or newer, or "npm install node@24" beside it.`,
    )
    process.exitCode = 1
  }
} else runHere().catch(complain)
