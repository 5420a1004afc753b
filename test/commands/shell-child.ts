/** Runs command lines as they come, one after the other, in one process: starting one takes half a second. Ends each with a mark on both outputs. */

import { main } from '../../src/main.ts'
import type { Line } from './cli.ts'

const outside = { ...process.env }
let before = Promise.resolve()

process.on('message', ({ args, env = {} }: Line) => {
  before = before.then(async () => {
    process.env = { ...outside, ...(env as Record<string, string>) }
    const code = await main(args)
    process.stderr.write('\0')
    process.stdout.write(`\0${code}\0`)
  })
})
