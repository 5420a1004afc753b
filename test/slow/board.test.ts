/** The board in a real Chromium: log in, see a failed job and why, run it again, see it done; and nothing asked of other hosts. */

import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { type BoardStage, password, startBoard } from '../http/board-stage.ts'
import { atEnd } from '../support/at-end.ts'
import { type Browser, hasChromium, startBrowser } from '../support/browser.ts'

/** Where pictures of the pages go, if anywhere: those of docs/images/ are made so. */
const picturesFolder = process.env['BOARD_PICTURES']
const picture = async (page: Page, name: string): Promise<void> => {
  if (picturesFolder === undefined) return
  await mkdir(picturesFolder, { recursive: true })
  await page.screenshot({ path: join(picturesFolder, `${name}.png`) })
}

const logIn = async (page: Page, secret = password): Promise<void> => {
  await page.getByLabel('User').fill('admin')
  await page.getByLabel('Password').fill(secret)
  await page.getByRole('button', { name: 'Log in' }).click()
}

const canary = 'C4nary-0f_no-value-77'

/** Jobs of several kinds and states; answers the id of one that failed for want of its file. */
const someJobs = async ({ producer, put }: BoardStage): Promise<string> => {
  const path = await put('invoice.pdf', 'soon gone')
  await rm(path)
  const failed = await producer.upload({ type: 'file', source: { path } })
  await producer.result(failed, { timeoutMs: 5_000 }).catch(() => undefined)
  const url = `https://u:${canary}@cdn.example.com/a.png?X-Amz-Signature=${canary}`
  const paths = await Promise.all(
    ['menu', 'terms', 'poster'].map(name => put(`${name}.txt`, `bytes of ${name}`)),
  )
  const jobs = await Promise.all([
    ...paths.map(path => producer.upload({ type: 'file', source: { path } })),
    producer.download({ mediaId: 'unknown-to-the-platform' }),
    producer.uploadImage({ source: { url } }),
  ])
  for (const { id } of jobs) await producer.result(id, { timeoutMs: 5_000 }).catch(() => undefined)
  return failed.id
}

/** What must be true of every visit. */
const expectClean = ({ asked, troubles }: Browser, { url }: BoardStage): void => {
  expect(asked.length).toBeGreaterThan(5)
  expect(asked.filter(place => !place.startsWith(`${url}/`) && !place.startsWith('data:'))).toEqual([])
  expect(troubles.join('\n')).toBe('')
}

const retryButton = '[class*="jobActions-"] button:has(.lucide-refresh-cw)'
const buttons = '[class*="jobActions-"] button, [class*="queueActions-"] button'

test.runIf(hasChromium)(
  'an operator logs in, sees a failed job and why, runs it again, and sees it done',
  async () => {
    const it = await startBoard({ write: true })
    const id = await someJobs(it)
    const browser = await startBrowser()
    const { page, context, troubles } = browser
    await page.goto(`${it.url}/board/queue/upload?status=failed`)
    await picture(page, 'login')
    await logIn(page, 'a wrong password')
    await page.getByText('Wrong user or password.').waitFor()
    expect(troubles.splice(0)).toEqual([expect.stringContaining('401')])
    await logIn(page)

    await page.getByText(id).first().waitFor()
    await page.getByText('is not visible from this host').first().waitFor()
    await picture(page, 'failed-job')

    const [record] = await Promise.all([
      context.waitForEvent('page'),
      page.getByText('Record').first().click(),
    ])
    await record.getByRole('heading', { name: `media.upload ${id}` }).waitFor()
    expect(await record.locator('body').innerText()).toMatch(/State\s+failed\s+Why\s+not-found: /)
    await picture(record, 'record')
    await record.close()

    await it.put('invoice.pdf', 'here again')
    await page.locator(retryButton).first().click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByText(id).first().waitFor({ state: 'hidden' })
    expect(await it.producer.result(id, { timeoutMs: 5_000 })).toMatchObject({ name: 'invoice.pdf' })
    await page.goto(`${it.url}/board/queue/upload/${id}`)
    await page.getByText('Finished at').first().waitFor()
    await page.goto(`${it.url}/board/`)
    await page.getByText('Downloads').first().waitFor()
    await picture(page, 'overview')
    expectClean(browser, it)
  },
)

test.runIf(hasChromium)('a signed URL shows its host and path, and no more', async () => {
  const it = await startBoard()
  await someJobs(it)
  const browser = await startBrowser()
  const { page } = browser
  await page.goto(`${it.url}/board/queue/image?status=failed`)
  await logIn(page)
  for (const tab of ['Error', 'Options', 'Logs', 'Data']) {
    await page.getByRole('tab', { name: tab, exact: true }).first().click()
    expect(await page.content()).not.toContain(canary)
  }
  await page.getByText('https://cdn.example.com/a.png?[hidden]').first().waitFor()
  expectClean(browser, it)
})

/** What the menus of the overview and of a queue offer. */
const menuOf = async (page: Page): Promise<string[]> => {
  await page.locator('button:has(.lucide-ellipsis-vertical)').first().click()
  await page.getByRole('menuitem').first().waitFor()
  const texts = await page.locator('[role="menuitem"]:visible').allTextContents()
  await page.keyboard.press('Escape')
  return texts
}

test.runIf(hasChromium)('nothing is offered that the board would refuse', async () => {
  const it = await startBoard({ write: true })
  await someJobs(it)
  const queue = new Queue('article', { connection: it.redis, prefix: it.namespace })
  atEnd(() => queue.close())
  await queue.pause()
  await queue.add('media.article', {}, { delay: 60_000, jobId: 'later' })
  await queue.add('media.article', {}, { priority: 10, jobId: 'in-line' })
  await queue.upsertJobScheduler('nightly', { every: 3_600_000 }, { name: 'media.article', data: {} })
  const browser = await startBrowser()
  const { page } = browser
  await page.goto(`${it.url}/board/`)
  await logIn(page)
  await page.getByText('Articles').first().waitFor()
  for (const item of await menuOf(page))
    expect(item).not.toMatch(/retry|add|empty|obliterate|concurrency|rate/i)
  const offers = { upload: 'failed', article: 'delayed' }
  for (const [name, status] of Object.entries(offers)) {
    await page.goto(`${it.url}/board/queue/${name}?status=${status}`)
    await page.locator(buttons).first().waitFor({ state: 'attached' })
    expect(await menuOf(page)).toEqual([name === 'article' ? 'Resume' : 'Pause'])
    const icons = await page
      .locator('[class*="jobActions-"]')
      .first()
      .locator('li:visible svg')
      .evaluateAll(all => all.map(icon => icon.classList[1]))
    expect(icons).toEqual([
      status === 'failed' ? 'lucide-refresh-cw' : 'lucide-corner-up-left',
      'lucide-trash2',
    ])
    expect(await page.locator('[class*="queueActions-"]:visible').count()).toBe(0)
  }
  await page.goto(`${it.url}/board/job-schedulers`)
  await page.getByText('nightly').first().waitFor()
  expect(await page.getByRole('button', { name: /Run now|Edit schedule|Remove/ }).count()).toBe(0)
  expectClean(browser, it)
})

test.runIf(hasChromium)('a read-only board has no button that changes a job or a queue', async () => {
  const it = await startBoard()
  await someJobs(it)
  const browser = await startBrowser()
  const { page } = browser
  await page.goto(`${it.url}/board/queue/upload?status=failed`)
  await logIn(page)
  await page.getByText('is not visible from this host').first().waitFor()
  expect(await page.locator(buttons).count()).toBe(0)
  expectClean(browser, it)
})

test.runIf(hasChromium)(
  'a link on another site leads to the board of who is logged in, and a form there does nothing',
  async () => {
    const it = await startBoard({ write: true })
    const board = `${it.url}/board/queue/upload`
    const pause = `${it.url}/board/api/queues/upload/pause`
    const site = createServer((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<a href="${board}">board</a><form method="post" action="${it.url}/board/logout"><button>out</button></form>
<script>fetch('${pause}', { method: 'PUT', mode: 'no-cors', credentials: 'include' }).catch(() => {})
fetch('${pause}', { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(() => {})</script>`),
    )
    await new Promise<void>(resolve => site.listen(0, '127.0.0.1', resolve))
    atEnd(() => site.close())
    const { page } = await startBrowser()
    await page.goto(board)
    await logIn(page)
    await page.getByText('Uploads').first().waitFor()
    // Another site, for a browser: localhost is not 127.0.0.1.
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`)
    await page.getByRole('link', { name: 'board' }).click()
    await page.getByText('Uploads').first().waitFor()
    await page.goBack()
    await page.getByRole('button', { name: 'out' }).click()
    await page.getByText('did not come from a page of the board').waitFor()
    await page.goto(board)
    await page.getByText('Uploads').first().waitFor()
    expect(await it.redis.hget(`${it.namespace}:upload:meta`, 'paused')).toBeNull()

    await page.goto(`${it.url}/board/logout`)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    await page.goto(board)
    expect(new URL(page.url()).pathname).toBe('/board/login')
  },
)
