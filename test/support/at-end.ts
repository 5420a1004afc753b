/** What a test opens is closed with it: at the end of the test, or of the file when opened in `beforeAll`. */

import { afterAll, onTestFinished } from 'vitest'

type Close = () => unknown

const ofTheFile: Close[] = []

// Importing this file registers the hook for the test file that imports it.
afterAll(async () => {
  for (const close of ofTheFile.splice(0).reverse()) await close()
})

export const atEnd = (close: Close): void => {
  try {
    onTestFinished(async () => {
      await close()
    })
  } catch {
    ofTheFile.push(close) // Not inside a test.
  }
}
