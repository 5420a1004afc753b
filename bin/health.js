#!/usr/bin/env node
/**
 * The health check of a container: asks the admin listener of this host for /livez or /readyz, and exits 0 or 1. Apart
 * from the CLI, because it runs every few seconds and must not load all of it.
 */

import { get } from 'node:http'

const path = process.argv[2] ?? '/livez'
const port = process.env['WECOM_MEDIA_ADMIN_PORT'] || '9464'
/** Whoever listens on every address listens on loopback, too. */
const host = (process.env['WECOM_MEDIA_ADMIN_HOST'] || '127.0.0.1').replace(/^(0\.0\.0\.0|::)$/, '127.0.0.1')
const timeoutMs = 2_500

const end = (code, why) => {
  process.stdout.write(`${why}\n`)
  process.exit(code)
}

get({ host, port, path, timeout: timeoutMs, agent: false }, response => {
  let text = ''
  response.setEncoding('utf8').on('data', chunk => {
    text = (text + chunk).slice(0, 1000)
  })
  response.once('end', () =>
    end(response.statusCode === 200 ? 0 : 1, `${path} ${response.statusCode} ${text.trim()}`),
  )
})
  .once('timeout', () => end(1, `${path}: no answer within ${timeoutMs} ms`))
  .once('error', error => end(1, `${path}: ${error.message}`))
