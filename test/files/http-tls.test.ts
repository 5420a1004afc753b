/** TLS as usual: the name in the URL is what the certificate must bear, whatever address it was pinned to. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type ServerOptions } from 'node:https'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createWeb } from '../../src/files/http.ts'
import { atEnd } from '../support/at-end.ts'
import { tempDir } from '../support/temp.ts'
import { kindOf } from './kind-of.ts'

const { signal } = new AbortController()

/** As in other makefiles and scripts, to be set where it lies elsewhere. */
const openssl = process.env['OPENSSL'] ?? 'openssl'

const hasOpenssl = (): boolean => {
  try {
    execFileSync(openssl, ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const certificateFor = async (name: string) => {
  const dir = await tempDir()
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', '/CN=test', '-addext', `subjectAltName=DNS:${name}`, '-days', '2']
  const files = ['-keyout', keyFile, '-out', certFile]
  execFileSync(openssl, ['req', '-x509', ...curve, ...subject, ...files], { stdio: 'ignore' })
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
}

const start = async (options: ServerOptions, location?: string) => {
  let requests = 0
  const server = createServer(options, (_, response) => {
    requests += 1
    if (location === undefined) response.end('content')
    else response.writeHead(302, { location, 'content-length': 0 }).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => void server.close().closeAllConnections())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { port, requests: () => requests }
}

const webFor = (port: number) => {
  const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
  const web = createWeb({ hosts: 'public', ports: [port], privateNets: ['127.0.0.1'] }, { lookup })
  atEnd(() => web.close())
  return web
}

const trust = (cert: string): void => {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, cert])
  atEnd(() => setDefaultCACertificates(before))
}

const read = (port: number, host: string) =>
  webFor(port).md5(`https://${host}:${port}/x`, { maxBytes: 100, signal })

describe.skipIf(!hasOpenssl())('https (needs openssl)', () => {
  test('a certificate for the name is enough, the address need not be in it', async () => {
    const certificate = await certificateFor('media.example.com')
    trust(certificate.cert)
    const { port } = await start(certificate)
    expect(await read(port, 'media.example.com')).toMatchObject({ sizeBytes: 7 })
  })

  test('a certificate for another name is refused for good, and nothing is asked', async () => {
    const certificate = await certificateFor('other.example.com')
    trust(certificate.cert)
    const { port, requests } = await start(certificate)
    expect(await kindOf(() => read(port, 'media.example.com'))).toBe('rejected')
    expect(await kindOf(() => read(port, '127.0.0.1'))).toBe('rejected')
    expect(requests()).toBe(0)
  })

  test('a certificate that nobody vouches for is refused, also where the environment says otherwise', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    atEnd(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    const { port, requests } = await start(await certificateFor('media.example.com'))
    expect(await kindOf(() => read(port, 'media.example.com'))).toBe('rejected')
    expect(requests()).toBe(0)
  })

  test('a redirect to http is refused', async () => {
    const certificate = await certificateFor('media.example.com')
    trust(certificate.cert)
    const { port, requests } = await start(certificate, 'http://media.example.com/')
    expect(await kindOf(() => read(port, 'media.example.com'))).toBe('forbidden-address')
    expect(requests()).toBe(1)
  })

  test('TLS that is none is a network failure or a refusal, not a crash', async () => {
    const { createServer: plain } = await import('node:http')
    const server = plain((_, response) => response.end('x'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    atEnd(() => server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    expect(['rejected', 'transient']).toContain(await kindOf(() => read(port, 'media.example.com')))
  })
})
