/** A real Chromium for tests of pages: it says what it asked of whom, and what went wrong on a page. */

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { atEnd } from './at-end.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const executablePath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap(folder => names.map(name => join(folder, name)))
  .find(path => existsSync(path))

/** Tests that need it are listed as not run where it is missing. */
export const hasChromium = executablePath !== undefined

/** It runs as root in containers, and speaks to nobody by itself. */
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

export interface Browser {
  readonly page: Page
  readonly context: BrowserContext
  /** Every URL that was asked for, or would have been without a policy that forbids it. */
  readonly asked: readonly string[]
  /** Errors of scripts, of the console, and of policies; whoever expects some takes them out. */
  readonly troubles: string[]
}

export async function startBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('this test needs chromium on PATH')
  const browser = await chromium.launch({ executablePath, args })
  atEnd(() => browser.close())
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    locale: 'en-US',
  })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const [asked, troubles]: [string[], string[]] = [[], []]
  context.on('request', request => asked.push(request.url()))
  context.on('weberror', error => troubles.push(error.error().message))
  context.on('console', message => {
    if (message.type() === 'error') troubles.push(`${message.text()} ${message.location().url}`)
  })
  return { page, context, asked, troubles }
}
