/** Asks /livez ten times a second, in a thread of its own: the sender's loop must not be what is measured. */

import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

let isOver = false
let worstMs = 0
parentPort?.once('message', () => {
  isOver = true
})
// The first one loads what fetch is made of.
await fetch(workerData as string)
while (!isOver) {
  const beganMs = performance.now()
  const { status } = await fetch(workerData as string)
  worstMs = Math.max(worstMs, status === 200 ? performance.now() - beganMs : Number.POSITIVE_INFINITY)
  await delay(100)
}
parentPort?.postMessage(worstMs)
