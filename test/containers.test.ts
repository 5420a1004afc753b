/** The image and the composed stack as they are written: what must not slip away from them. Running them is test/slow/containers.test.ts. */

import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig, settings } from '../src/config.ts'
import { stagesOf, textsOf } from './support/dockerfile.ts'

const home = join(import.meta.dirname, '..')
const read = (name: string): Promise<string> => readFile(join(home, name), 'utf8')
const linesIn = (text: string): string[] =>
  text.split('\n').filter(line => line !== '' && !line.startsWith('#'))

const isSetting = (name: string): boolean => Object.hasOwn(settings, name)
const defaultOf = (name: keyof typeof settings): unknown => settings[name].schema.safeParse(undefined).data

/** After the grace running jobs are aborted and handed back, ms; see src/processors/worker.ts. */
const handBackMs = 5_000
const marginMs = 5_000

describe('the Dockerfile', async () => {
  const stages = stagesOf(await read('Dockerfile'))
  const last = stages.at(-1) ?? stages[0]
  if (!last) throw new Error('there is no stage')
  const environment = new Map(
    textsOf(last, 'ENV').flatMap(text =>
      [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value] as const),
    ),
  )

  test('builds every stage on the Node that the tests use', async () => {
    const { devDependencies } = JSON.parse(await read('package.json'))
    const major = devDependencies.node.split('.', 1)[0]
    expect(stages.length).toBeGreaterThan(1)
    for (const { image } of stages) expect(image).toBe(`node:${major}-bookworm-slim`)
  })

  test('takes production dependencies from the lock file, and runs no script of theirs', () => {
    const production = stages.find(({ as }) => as === 'dependencies')
    const [install = ''] = production ? textsOf(production, 'RUN') : []
    expect(install).toMatch(/^npm ci .*--omit=dev/)
    for (const stage of stages)
      for (const text of textsOf(stage, 'RUN'))
        if (/\bnpm (ci|install)\b/.test(text)) expect(text).toMatch(/^npm ci .*--ignore-scripts/)
    expect(textsOf(last, 'RUN').join('\n')).not.toMatch(/\bnpm (ci|install)\b|apt-get|curl|wget/)
  })

  test('ends as a user without a name of its own to log in with, and hears signals itself', () => {
    expect(textsOf(last, 'USER')).toEqual(['10001:10001'])
    expect(last.instructions.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
      last.instructions.findLastIndex(({ name }) => name === 'RUN' || name === 'COPY'),
    )
    expect(textsOf(last, 'STOPSIGNAL')).toEqual(['SIGTERM'])
    const [entry = ''] = textsOf(last, 'ENTRYPOINT')
    // Exec form: a shell, npm or npx in between would keep the signal to itself.
    expect(JSON.parse(entry)).toEqual(['node', '/app/bin/wecom-media.js'])
    expect(textsOf(last, 'CMD').map(text => JSON.parse(text))).toEqual([['serve']])
  })

  test('is checked by Node alone, for being alive and not for its Redis', async () => {
    const [check = ''] = textsOf(last, 'HEALTHCHECK')
    const command: string[] = JSON.parse(check.slice(check.indexOf('[')))
    expect(command).toEqual(['node', '/app/bin/health.js', '/livez'])
    expect(existsSync(join(home, 'bin/health.js'))).toBe(true)
  })

  test('sets what settings know', () => {
    const own = [...environment.keys()].filter(name => !/^NODE_(ENV|COMPILE_CACHE)$/.test(name))
    expect(own.length).toBeGreaterThan(0)
    expect(own.filter(name => !isSetting(name))).toEqual([])
    expect(environment.get('NODE_ENV')).toBe('production')
  })

  test('says which version it is', async () => {
    const { version } = JSON.parse(await read('package.json'))
    expect(textsOf(last, 'ARG')).toContain(`VERSION=${version}`)
    expect(textsOf(last, 'LABEL').join(' ')).toContain('org.opencontainers.image.licenses="MIT"')
  })

  test('gets what it copies, and nothing else of the folder', async () => {
    const ignored = linesIn(await read('.dockerignore'))
    expect(ignored[0]).toBe('*')
    const letIn = ignored.slice(1).map(line => line.replace(/^!/, ''))
    const copied = stages
      .flatMap(stage => textsOf(stage, 'COPY'))
      .filter(text => !text.startsWith('--from='))
      .flatMap(text => text.split(/\s+/).slice(0, -1))
    expect([...new Set(copied)].toSorted()).toEqual(letIn.toSorted())
    expect(letIn.filter(name => !existsSync(join(home, name)))).toEqual([])
  })
})

interface Service {
  readonly image?: string
  readonly build?: unknown
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly privileged?: boolean
  readonly security_opt?: readonly string[]
  readonly logging?: { readonly driver: string; readonly options: Readonly<Record<string, string>> }
  readonly restart?: string
  readonly pids_limit?: number
  readonly mem_limit?: string
  readonly ports?: readonly string[]
  readonly container_name?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly env_file?: readonly string[]
  readonly secrets?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly profiles?: readonly string[]
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean }
  readonly stop_grace_period?: string
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

interface Stack {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>
}

describe('docker-compose.yml', async () => {
  const text = await read('docker-compose.yml')
  const { services, networks, volumes, secrets }: Stack = parse(text, { merge: true })
  const names = Object.keys(services)
  const service = (name: string): Service => services[name] ?? {}
  const example = await read('.env.example')

  test('has the parts of the service; what watches it and the demo are profiles', () => {
    expect(Object.fromEntries(names.map(name => [name, service(name).profiles?.join()]))).toEqual({
      ...{ redis: undefined, http: undefined, worker: undefined },
      ...{ prometheus: 'watch', grafana: 'watch', simulator: 'demo', seed: 'demo' },
    })
    expect(service('http').command).toEqual(['serve', '--only', 'http'])
    expect(service('worker').command).toEqual(['serve', '--only', 'workers'])
  })

  test.each(names)('gives %s no privilege and no room without end', name => {
    const it = service(name)
    expect(it.read_only).toBe(true)
    expect(it.cap_drop).toEqual(['ALL'])
    expect(it.cap_add).toBeUndefined()
    expect(it.privileged).toBeUndefined()
    expect(it.security_opt).toContain('no-new-privileges:true')
    expect(it.pids_limit).toBeGreaterThan(0)
    expect(it.mem_limit).toBeDefined()
    expect(it.logging?.driver).toBe('json-file')
    expect(Object.keys(it.logging?.options ?? {}).toSorted()).toEqual(['max-file', 'max-size'])
    expect(it.restart).toBe(name === 'seed' ? 'no' : 'unless-stopped')
    expect(it.image).not.toMatch(/:latest\b|^[^:]*$/)
    expect(it.container_name).toBeUndefined()
    expect(JSON.stringify(it.volumes ?? [])).not.toContain('docker.sock')
  })

  test('publishes on the loopback of the host only, and of a service that is scaled nothing', () => {
    for (const name of names)
      for (const port of service(name).ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/)
    expect(service('worker').ports).toBeUndefined()
    expect(service('redis').ports).toBeUndefined()
    expect(service('redis').networks).toEqual(['store'])
    expect(networks['store']?.internal).toBe(true)
  })

  test('keeps jobs: Redis writes them down and throws none away', () => {
    const command = service('redis').command ?? []
    const option = (name: string) => command[command.indexOf(name) + 1]
    expect(option('--appendonly')).toBe('yes')
    expect(option('--appendfsync')).toBe('everysec')
    expect(option('--maxmemory-policy')).toBe('noeviction')
    expect(option('--maxmemory')).toBeDefined()
    const folder = option('--dir')
    const volume = service('redis').volumes?.find(each => each.endsWith(`:${folder}`))
    expect(Object.keys(volumes)).toContain(volume?.split(':', 1)[0])
  })

  test.each(['http', 'worker'])('%s: lets running jobs end, waits for Redis, shares the files', name => {
    const it = service(name)
    const graceMs = Number(defaultOf('WECOM_MEDIA_GRACE_MS'))
    const stopMs = Number(/^(\d+)s$/.exec(it.stop_grace_period ?? '')?.[1]) * 1_000
    expect(stopMs).toBeGreaterThanOrEqual(graceMs + handBackMs + marginMs)
    expect(it.depends_on?.['redis']).toEqual({ condition: 'service_healthy' })
    expect(it.healthcheck?.test).toEqual(['CMD', 'node', '/app/bin/health.js', '/readyz'])
    expect(it.volumes).toEqual(['media:/srv/media'])
    expect(Object.keys(volumes)).toContain('media')
  })

  test('whoever waits for health waits for somebody who has it', () => {
    for (const name of names)
      for (const [other, { condition }] of Object.entries(service(name).depends_on ?? {})) {
        expect(names).toContain(other)
        if (condition === 'service_healthy') expect(service(other).healthcheck?.test).toBeDefined()
      }
  })

  test('takes secrets from files, and settings from .env', () => {
    for (const { file } of Object.values(secrets))
      expect(file).toMatch(/^\$\{STACK_SECRETS:-\.\/secrets\}\/\w+$/)
    for (const name of ['http', 'worker']) {
      const environment = service(name).environment ?? {}
      expect(Object.keys(environment).filter(key => !isSetting(key))).toEqual([])
      expect(environment['WECOM_CORP_SECRET']).toBeUndefined()
      expect(service(name).env_file).toEqual([`\${STACK_ENV:-.env}`])
      const mounted = Object.values(environment).filter(value => value.startsWith('/run/secrets/'))
      const read = mounted.map(path => path.replace('/run/secrets/', ''))
      expect(service(name).secrets?.toSorted()).toEqual(read.toSorted())
      expect(Object.keys(secrets)).toEqual(expect.arrayContaining(read))
    }
  })

  test('explains in .env.example what it reads, and names settings that exist', () => {
    const explained = linesIn(example).map(line => line.split('=', 1)[0] ?? '')
    const own = explained.filter(name => !isSetting(name) && name !== 'COMPOSE_PROFILES')
    const used = new Set([...text.matchAll(/\$\{(\w+):-/g)].map(([, name]) => name))
    expect(own.filter(name => !used.has(name))).toEqual([])
    expect([...text.matchAll(/\$\{\w+(?!:-|\w)/g)]).toEqual([])
    for (const name of explained.filter(isSetting)) {
      const value = linesIn(example)
        .find(line => line.startsWith(`${name}=`))
        ?.split('=')[1]
      const standard = String(defaultOf(name as keyof typeof settings) ?? '')
      expect(`${name}=${value}`).toBe(`${name}=${standard}`)
    }
  })

  test('has a demo that is complete: its settings, its secrets, its files', async () => {
    const demo = Object.fromEntries(
      linesIn(await read('deploy/compose/demo.env')).map(line => line.split(/=(.*)/s)),
    )
    expect(demo['COMPOSE_PROFILES']).toBe('demo,watch')
    expect(demo['STACK_ENV']).toBe('deploy/compose/demo.env')
    const folder = demo['STACK_SECRETS'] ?? ''
    expect((await readdir(join(home, folder))).toSorted()).toEqual(Object.keys(secrets).toSorted())
    const secret = (await read(`${folder}/wecom_corp_secret`)).trim()
    const environment = {
      ...demo,
      WECOM_MEDIA_TOKENS: join(home, folder, 'tokens'),
      WECOM_CORP_SECRET: secret,
    }
    expect(readConfig(environment).tokens.map(({ name }) => name)).toEqual(['demo'])
    const { command = [] } = service('simulator')
    expect(command.slice(command.indexOf('--corp'))).toEqual([
      ...['--corp', demo['WECOM_CORP_ID'], '--secret', secret],
    ])
    const seeded = JSON.stringify(service('seed').command).match(/demo\/[^ \\")]+/g) ?? []
    expect(seeded.length).toBeGreaterThan(3)
    expect(seeded.filter(file => !existsSync(join(home, file)))).toEqual([])
  })

  test('mounts what is there, for reading only', () => {
    const folders = names.flatMap(name => service(name).volumes ?? []).filter(each => each.startsWith('./'))
    expect(folders.length).toBeGreaterThan(2)
    for (const each of folders) {
      expect(existsSync(join(home, each.split(':', 1)[0] ?? '')), each).toBe(true)
      expect(each).toMatch(/:ro$/)
    }
  })

  test('leaves .env and secrets out of the repository', async () => {
    const ignored = linesIn(await read('.gitignore'))
    expect(ignored).toEqual(expect.arrayContaining(['/.env', '/secrets/']))
  })
})
