/** The door of the board, over real HTTP: S11 of notes/reliability.md, for every route that Bull Board has. */

import { appRoutes } from '@bull-board/api/dist/routes.js'
import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createSessions } from '../../src/http/board/session.ts'
import { atEnd } from '../support/at-end.ts'
import { deploy } from '../support/deployment.ts'
import { setClock } from '../support/set-clock.ts'
import { password, startBoard } from './board-stage.ts'

interface Route {
  readonly verb: string
  readonly path: string
}

/** With a queue and a job that exist. */
const routesOf = (job: string): Route[] =>
  [...appRoutes.api, appRoutes.entryPoint].flatMap(({ method, route }) =>
    [route].flat().map(path => ({
      verb: String(method).toUpperCase(),
      path: `/board${path}`
        .replace(':queueName', 'upload')
        .replace(':jobId', job)
        .replace(':queueStatus', 'failed')
        .replace(':schedulerId', 'none'),
    })),
  )
const isRead = ({ verb }: Route): boolean => verb === 'GET'

test('without a password there is no board', async () => {
  const { startWorker } = await deploy()
  const url = JSON.parse((await startWorker()).stdout().split('\n')[0] ?? '').url
  for (const path of [
    '/board',
    '/board/',
    '/board/login',
    '/board/api/queues',
    '/board/static/images/logo.svg',
  ])
    expect((await fetch(url + path)).status).toBe(404)
})

test('S11 without a session every route is refused, and a page leads to the login', async () => {
  const { ask } = await startBoard({ write: true })
  const others = ['/board/static/images/logo.svg', '/board/records/1'].map(path => ({ verb: 'GET', path }))
  const routes = [...routesOf('1'), ...others]
  expect(routes.length).toBeGreaterThan(30)
  const forged = { cookie: 'wecom-media-board-00000000=99999999999999.AAAA' }
  for (const { verb, path } of routes) {
    expect([verb, path, (await ask(verb, path)).status]).toEqual([verb, path, 401])
    expect([verb, path, (await ask(verb, path, forged)).status]).toEqual([verb, path, 401])
  }
  const page = await ask('GET', '/board/queue/upload?status=failed', { accept: 'text/html' })
  expect([page.status, page.headers.get('location')]).toEqual([
    303,
    '/board/login?next=%2Fboard%2Fqueue%2Fupload%3Fstatus%3Dfailed',
  ])
})

test('S11 what comes from another site, or from nowhere, changes nothing', async () => {
  const { ask, url, session, redis, namespace } = await startBoard({ write: true })
  const cookie = await session()
  const strangers = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: url },
  ]
  for (const { verb, path } of routesOf('1').filter(route => !isRead(route))) {
    for (const stranger of strangers)
      expect([verb, path, (await ask(verb, path, { cookie, ...stranger })).status]).toEqual([verb, path, 403])
    // Old browsers, and plain http to another host, send no such header.
    for (const origin of ['http://evil.example', 'null', undefined]) {
      const headers = { cookie, ...(origin && { origin }) }
      const { status } = await fetch(url + path, { method: verb, headers })
      expect([verb, path, origin, status]).toEqual([verb, path, origin, 403])
    }
  }
  expect((await ask('POST', '/board/login', strangers[0], 'user=admin')).status).toBe(403)
  expect((await ask('POST', '/board/logout', strangers[0], '')).status).toBe(403)
  expect(await redis.hget(`${namespace}:upload:meta`, 'paused')).toBeNull()
  const own = await fetch(`${url}/board/api/queues/upload/pause`, {
    method: 'PUT',
    headers: { cookie, origin: url },
  })
  expect(own.status).toBe(200)
})

test('S11 a read-only board shows everything and does nothing', async () => {
  const { ask, session, redis, namespace } = await startBoard()
  const queue = new Queue('upload', { connection: redis, prefix: namespace })
  atEnd(() => queue.close())
  await queue.pause()
  await queue.add('media.upload', {}, { jobId: 'kept', delay: 60_000 })
  const cookie = await session()
  for (const route of routesOf('kept')) {
    const { status } = await ask(route.verb, route.path, { cookie })
    if (route.path.endsWith('/workers')) expect(status).toBe(403)
    else if (isRead(route)) expect([route.path, status]).toEqual([route.path, 200])
    else expect([route.path, status]).toEqual([route.path, 405])
  }
  expect(await queue.isPaused()).toBe(true)
  expect(await queue.getJobState('kept')).toBe('delayed')
})

test('S11 in write mode only single jobs and pausing are offered: no job is added, changed or swept', async () => {
  const { ask, session, redis, namespace } = await startBoard({ write: true })
  const queue = new Queue('upload', { connection: redis, prefix: namespace })
  atEnd(() => queue.close())
  await queue.pause()
  await queue.add('media.upload', { untouched: true }, { jobId: 'kept', delay: 3_600_000 })
  const cookie = await session()
  const offered = /(\/kept\/(retry|promote|clean)|\/(pause|resume))$/
  const refused = routesOf('kept').filter(route => !isRead(route) && !offered.test(route.path))
  expect(refused.length).toBeGreaterThan(12)
  for (const { verb, path } of refused) {
    const json = { cookie, 'content-type': 'application/json' }
    expect([path, (await ask(verb, path, json, '{"name":"media.upload","data":{}}')).status]).toEqual([
      path,
      403,
    ])
    expect([path, (await ask(verb, path, { cookie })).status]).toEqual([path, 403])
  }
  expect(await queue.getJobCounts()).toMatchObject({ delayed: 1, waiting: 0, prioritized: 0 })
  expect((await queue.getJob('kept'))?.data).toEqual({ untouched: true })
  for (const [deed, paused] of [
    ['resume', false],
    ['pause', true],
  ] as const) {
    expect((await ask('PUT', `/board/api/queues/upload/${deed}`, { cookie })).status).toBe(200)
    expect(await queue.isPaused()).toBe(paused)
  }
})

test('every answer of the board forbids frames, outside hosts and caches', async () => {
  const { ask, session } = await startBoard()
  const cookie = await session()
  const paths = ['/', '/login', '/logout', '/api/queues', '/records/none', '/static/images/logo.svg', '/none']
  for (const path of paths) {
    const { headers } = await ask('GET', `/board${path}`, { cookie })
    expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'")
    expect(headers.get('content-security-policy'), path).toMatch(/default-src '(self|none)'/)
    expect(headers.get('x-content-type-options'), path).toBe('nosniff')
    expect(headers.get('referrer-policy'), path).toMatch(/^(same-origin|no-referrer)$/)
    expect(headers.get('cache-control'), path).toBe(
      path.includes('/static/') ? 'private, no-cache' : 'no-store',
    )
    expect(headers.get('access-control-allow-origin'), path).toBeNull()
  }
  const page = await (await ask('GET', '/board/', { cookie })).text()
  expect(page).toContain('__UI_CONFIG__')
  expect(page.replaceAll('127.0.0.1', '')).not.toMatch(/(src|href)="(https?:)?\/\//)
})

test('the login opens for the right user and password only, and leads nowhere but to the board', async () => {
  const { logIn, ask, logged } = await startBoard()
  for (const [user, secret] of [
    ['admin', 'wrong'],
    ['root', password],
    ['', ''],
    [password, 'admin'],
  ])
    expect((await logIn(user, secret)).status).toBe(401)
  const right = await logIn('admin', password, '/board/queue/upload?status=failed')
  expect([right.status, right.headers.get('location')]).toEqual([303, '/board/queue/upload?status=failed'])
  expect(right.headers.get('set-cookie')).toMatch(/; Path=\/board; HttpOnly; SameSite=Strict$/)
  for (const next of [
    '//evil.example',
    'https://evil.example',
    '/board/.%2e/metrics',
    '/metrics',
    '/board\\evil',
  ])
    expect((await logIn('admin', password, next)).headers.get('location')).toBe('/board/')
  expect(JSON.stringify(logged)).not.toContain(password)
  const cookie = right.headers.get('set-cookie')?.split(';')[0] ?? ''
  const out = await ask('POST', '/board/logout', { cookie }, '')
  expect(out.headers.get('set-cookie')).toContain('Max-Age=0')
})

test('nothing that is made of the password is told to who has not shown it', async () => {
  const { ask, logIn } = await startBoard()
  const answers = await Promise.all([
    ...[ask('GET', '/board/'), ask('GET', '/board/login'), ask('GET', '/board/logout')],
    ...[logIn('admin', 'wrong'), ask('POST', '/board/logout', {}, ''), ask('POST', '/board/logout')],
    ask('POST', '/board/logout', { cookie: 'wecom-media-board-00000000=1.x' }, ''),
  ])
  for (const { headers } of answers) expect(headers.get('set-cookie')).toBeNull()
})

test('a cookie is for https alone when the browser came by https', async () => {
  const { ask } = await startBoard()
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-proto': 'https' }
  const answer = await ask('POST', '/board/login', form, `user=admin&password=${password}`)
  expect(answer.headers.get('set-cookie')).toContain('; Secure')
})

test('after ten tries in a minute even the right password waits', async () => {
  const { logIn, ask } = await startBoard()
  for (let n = 0; n < 10; n++) expect((await logIn('admin', `guess ${n}`)).status).toBe(401)
  const late = await logIn()
  expect([late.status, late.headers.get('set-cookie')]).toEqual([429, null])
  expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ask('GET', '/board/login')).status).toBe(200)
})

test('a form that is too long, of another kind, or no form is refused', async () => {
  const { ask } = await startBoard()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  expect((await ask('POST', '/board/login', form, `user=${'a'.repeat(5_000)}`)).status).toBe(413)
  expect((await ask('POST', '/board/login', { 'content-type': 'text/xml' }, '<a/>')).status).toBe(415)
  expect((await ask('POST', '/board/login', form)).status).toBe(401)
  expect(
    (await ask('POST', '/board/login', { 'content-type': 'application/json' }, '{"user":"admin"}')).status,
  ).toBe(401)
})

test('a link from another site finds the session that its request could not bring', async () => {
  const { ask } = await startBoard()
  const headers = { accept: 'text/html', 'sec-fetch-site': 'cross-site' }
  const page = await ask('GET', '/board/queue/upload?a="><script>', headers)
  expect(page.status).toBe(200)
  const text = await page.text()
  expect(text).toContain('http-equiv="refresh" content="0;url=/board/queue/upload?a=')
  expect(text).not.toContain('<script>')
})

test('a session ends after its time, with another password, and in another deployment', async () => {
  const clock = setClock()
  const parts = { user: 'admin', password, deployment: 'a', path: '/board', clock }
  const sessions = await createSessions(parts)
  const cookie = `other=1; ${sessions.begin(false).split(';')[0]}; more=2`
  expect(sessions.holds(cookie)).toBe(true)
  const replica = await createSessions(parts)
  expect(replica.holds(cookie)).toBe(true)
  for (const changed of [{ password: 'another password' }, { user: 'root' }, { deployment: 'b' }])
    expect((await createSessions({ ...parts, ...changed })).holds(cookie)).toBe(false)
  expect(sessions.holds(cookie.replace(/=(\d+)\./, (_all, ms) => `=${Number(ms) + 1}.`))).toBe(false)
  expect(sessions.holds(undefined)).toBe(false)
  expect(sessions.holds(sessions.end().split(';')[0])).toBe(false)
  await clock.advance(12 * 3_600_000 - 1)
  expect(sessions.holds(cookie)).toBe(true)
  await clock.advance(1)
  expect(sessions.holds(cookie)).toBe(false)
})

test('a password that is short, given twice, or missing where the board is to write, is refused at the start by name', () => {
  expect(() => readConfig({ WECOM_MEDIA_BOARD_PASSWORD: 'short' })).toThrow(
    'WECOM_MEDIA_BOARD_PASSWORD must have at least 12 characters',
  )
  expect(() =>
    readConfig({ WECOM_MEDIA_BOARD_PASSWORD: password, WECOM_MEDIA_BOARD_PASSWORD_FILE: '/none' }),
  ).toThrow('both set')
  expect(() => readConfig({ WECOM_MEDIA_BOARD_WRITE: '1' })).toThrow('set WECOM_MEDIA_BOARD_PASSWORD, too')
})
