/** A certificate authority for one test, made by openssl, and what it signs. */

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempDir } from './temp.ts'

const run = promisify(execFile)

/** For `test.runIf(openssl)`. */
export const openssl = await run('openssl', ['version']).then(
  ({ stdout }) => stdout,
  () => undefined,
)

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  readonly ca: string
  /** `names` as in a certificate: `DNS:localhost`, `IP:127.0.0.1`. */
  sign(name: string, names: string): Promise<Certificate>
}

const keyOf = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export async function makeAuthority(): Promise<Authority> {
  const folder = await tempDir()
  const [ca, caKey] = [join(folder, 'ca.pem'), join(folder, 'ca.key')]
  await run('openssl', [
    'req',
    '-x509',
    ...keyOf,
    '-keyout',
    caKey,
    '-out',
    ca,
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
  ])
  return {
    ca,
    async sign(name, names) {
      const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map(end =>
        join(folder, `${name}.${end}`),
      ) as [string, string, string, string]
      await writeFile(extensions, `subjectAltName=${names}\n`)
      await run('openssl', ['req', ...keyOf, '-keyout', key, '-out', request, '-subj', `/CN=${name}`])
      const by = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions]
      await run('openssl', ['x509', '-req', '-in', request, '-out', cert, ...by])
      return { cert, key }
    },
  }
}

/** What a server on 127.0.0.1 proves itself with, and what its clients trust. */
export async function localCertificate(): Promise<{
  readonly ca: Buffer
  readonly key: Buffer
  readonly cert: Buffer
}> {
  const authority = await makeAuthority()
  const { key, cert } = await authority.sign('platform', 'IP:127.0.0.1')
  return { ca: await readFile(authority.ca), key: await readFile(key), cert: await readFile(cert) }
}
