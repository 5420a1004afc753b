/** Ctrl-C, SIGTERM and a closed terminal: the first one asks, the second one ends the process at once. */

import { exitCodes } from './exit.ts'

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Resolves with the name of the first signal. */
export const untilSignal = (): Promise<string> =>
  new Promise(resolve => {
    onInterrupt(resolve)
  })

/** Calls back at the first signal; the answer stops listening. */
export function onInterrupt(ask: (name: string) => void): () => void {
  let asked = false
  const listener = (name: string): void => {
    if (asked) process.exit(exitCodes.interrupted)
    asked = true
    ask(name)
  }
  for (const name of names) process.on(name, listener)
  return () => {
    for (const name of names) process.off(name, listener)
  }
}
