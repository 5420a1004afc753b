/** DESIGN §3 and §13 as code: what may import what, and the house rules that can be read off a file. */

import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'

/** Every file may import these, its own folder, and Node's modules. */
const everyone = ['fault.ts', 'clock.ts', 'log.ts', 'type config.ts', 'type redis/connection.ts']

/**
 * Who may import what, besides. A key is a file or a folder (with a slash); a file has the sum of the keys it lies
 * under. A value is a file, a folder or a package; `type` in front allows types only.
 */
const arrows: Record<string, readonly string[]> = {
  'main.ts': ['commands/', 'version.ts', 'commander'],
  'commands/': [
    ...['app.ts', 'simulator/', 'config.ts', 'embedded-redis.ts', 'redis.ts', 'namespace.ts'],
    ...[
      'index.ts',
      'queues/',
      'type record/',
      'wecom/media-types.ts',
      'app/limiting.ts',
      'app/resources.ts',
      'app/callbacks.ts',
      'app/clients.ts',
      'limits/',
      'http/tokens.ts',
    ],
    // What errcodes, kinds and callbacks mean, for `explain` and `check`.
    ...[
      'wecom/index.ts',
      'wecom/errcodes.ts',
      'processors/outcome.ts',
      'callback/',
      'files/web-policy.ts',
      'files/image-src.ts',
    ],
    ...['commander', 'cli-table3', 'ulid', 'zod'],
  ],
  // Steers the jobs of a fleet, and so opens and ends their records.
  'commands/fleet.ts': ['record/'],
  // The public entry: what an app server sees.
  'index.ts': [
    'app/limiting.ts',
    'type limits/',
    'queues/',
    'type record/',
    'redis.ts',
    'namespace.ts',
    'type wecom/',
    'wecom/platform.ts',
    'files/fingerprint.ts',
  ],

  'app.ts': ['app/', 'metrics/', 'namespace.ts', 'redis.ts', 'processors/', 'queues/', 'record/'],
  // Parts of app, which only app (and a command that shows limits) imports.
  'app/': [
    ...['http/', 'metrics/', 'processors/', 'queues/', 'record/'],
    ...['wecom/', 'callback/', 'limits/', 'ledger/', 'files/', 'webhooks/', 'type config-apps.ts'],
  ],
  // Its connections fail fast, those of app.ts wait.
  'app/public.ts': ['redis.ts'],
  'app/workers.ts': ['redis.ts'],
  'app/api.ts': ['version.ts'],
  'app/pages.ts': ['version.ts'],
  'app/gauges.ts': ['redis/state.ts'],
  'app/board.ts': ['redis.ts'],

  'fault.ts': [],
  'budget.ts': [],
  'clock.ts': [],
  'log.ts': ['pino', 'pino-pretty', 'log/'],
  'log/': [],
  'config.ts': [
    ...['zod', 'type limits/', 'type files/web-policy.ts'],
    ...[
      'config-settings.ts',
      'config-apps.ts',
      'config-tokens.ts',
      'config-board.ts',
      'config-folders.ts',
      'config-redis.ts',
      'config-own-app.ts',
      'config-webhooks.ts',
    ],
  ],
  'config-settings.ts': [
    ...['zod', 'namespace.ts', 'wecom/platform.ts', 'config-limits.ts', 'config-values.ts'],
  ],
  'config-apps.ts': ['zod', 'config-json.ts'],
  'config-own-app.ts': ['type config-apps.ts'],
  'config-tokens.ts': ['zod', 'config-json.ts'],
  'config-json.ts': ['type zod'],
  'config-board.ts': [],
  'config-webhooks.ts': ['type files/web-policy.ts'],
  'config-limits.ts': ['zod', 'type limits/'],
  'config-values.ts': ['zod'],
  'namespace.ts': ['wecom/platform.ts'],
  'redis.ts': ['redis/', 'refusal.ts', 'ioredis'],
  'redis/': ['refusal.ts', 'ioredis'],
  'redis/state.ts': ['script.ts'],
  'version.ts': [],
  'embedded-redis.ts': ['embedded-redis/'],
  'embedded-redis/container.ts': ['testcontainers'],

  'wecom/': ['zod'],
  'wecom/retry.ts': ['p-retry'],
  'wecom/token-store.ts': ['script.ts'],
  'wecom/ticket-store.ts': ['script.ts'],
  'wecom/blocks.ts': ['budget.ts'],
  'wecom/connections.ts': ['undici'],
  'wecom/connector.ts': ['undici'],
  'wecom/inflow.ts': ['undici'],
  'wecom/transport.ts': ['undici'],
  'wecom/client.ts': ['type undici'],

  'callback/': ['zod', '@wecom/crypto'],
  'limits/': ['script.ts', 'redis/connection.ts', 'type wecom/methods.ts', 'type wecom/seams.ts'],
  'record/': ['script.ts'],
  'ledger/': ['script.ts', 'record/'],
  'webhooks/': ['type record/', 'type files/'],
  'files/': ['zod'],
  'files/http.ts': ['undici'],
  'files/read-ahead.ts': ['budget.ts'],
  'files/html.ts': ['parse5'],

  // The producer opens the record, so a queue knows records.
  'queues/': [
    'ledger/',
    'wecom/platform.ts',
    'files/file.ts',
    'wecom/media-types.ts',
    'record/',
    'zod',
    'ulid',
  ],
  'queues/producer.ts': ['bullmq'],
  'queues/admin.ts': ['bullmq'],
  // The scheduler of the fleet, and the worker that hears it.
  'queues/beat.ts': ['bullmq'],
  // What may be shown of a source.
  'queues/kept.ts': ['files/image-src.ts'],
  'queues/ages.ts': ['script.ts'],

  'processors/': [
    'queues/jobs.ts',
    'queues/parse.ts',
    'queues/identity.ts',
    'queues/keep-alive-wish.ts',
    'wecom/',
    'record/',
    'ledger/',
    'files/',
    'type webhooks/',
  ],
  'processors/run.ts': ['bullmq', 'queues/add.ts'],
  'processors/worker.ts': ['bullmq', 'queues/reconcile.ts'],

  'metrics/': ['prom-client'],
  'http/': ['queues/', 'callback/', 'type record/', 'zod', 'type fastify'],
  'http/server.ts': ['fastify'],
  'http/body.ts': ['files/bodies.ts', 'files/safe-name.ts', 'wecom/media-types.ts'],
  'http/job-file.ts': ['files/dir.ts', 'files/safe-name.ts', 'type files/file.ts'],
  'http/media.ts': ['type ledger/'],
  'http/form.ts': ['@fastify/multipart', 'type files/bodies.ts'],
  'http/admin.ts': ['fastify'],
  'http/board.ts': ['bullmq', '@bull-board/api', '@bull-board/fastify', '@fastify/rate-limit'],

  // A second opinion: nothing of ours but the clock's shape.
  'simulator/': [],
}

/** The simulator may not even use what everyone may. */
const hermits: Record<string, readonly string[]> = {
  'simulator/': ['clock.ts'],
  'fault.ts': [],
  'clock.ts': [],
  'budget.ts': [],
}

/** Besides clock.ts: the simulator has its own; a watchdog is set back with every byte, which a sleep cannot be. */
const knowTime = ['clock.ts', 'simulator/', 'wecom/timeouts.ts']
const knowEnvironment = ['config.ts']

/** Families of facts may be longer. */
const tables = [
  'config-settings.ts',
  'wecom/errcodes.ts',
  'wecom/methods.ts',
  'queues/jobs.ts',
  'metrics/metrics.ts',
  'simulator/rules.ts',
]
const mostLines = 200
const mostTableLines = 300

const src = join(import.meta.dirname, '../src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.ts'))
  .sort()
const sources = new Map(files.map(file => [file, readFileSync(join(src, file), 'utf8')]))

interface Import {
  /** A path under src, or the name of a package. */
  readonly target: string
  readonly isType: boolean
  readonly isOurs: boolean
}

const clause = String.raw`(?:[\w$]+\s*,\s*)?(?:[\w$]+|\{[^}]*\}|\*(?:\s*as\s+[\w$]+)?)\s*from\s*`
const statement = new RegExp(
  String.raw`^\s*(?:import|export)\s+(type\s+)?(?:${clause})?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]`,
  'gm',
)

const importsOf = (file: string, source: string): Import[] =>
  [...withoutComments(source).matchAll(statement)]
    .map(([, type, by, dynamic]) => ({ name: by ?? dynamic ?? '', isType: type !== undefined }))
    .filter(({ name }) => !name.startsWith('node:'))
    .map(({ name, isType }) => {
      const isOurs = name.startsWith('.')
      return { target: isOurs ? posix.join(dirname(file), name) : packageOf(name), isType, isOurs }
    })

const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

const packageOf = (name: string): string => name.split('/', name.startsWith('@') ? 2 : 1).join('/')

/** Whether `path` is the file, or in the folder, that `pattern` names. */
const under = (path: string, pattern: string): boolean =>
  pattern.endsWith('/') ? path.startsWith(pattern) : path === pattern

const mayImport = (file: string, { target, isType, isOurs }: Import): boolean => {
  if (isOurs && dirname(file) !== '.' && target.startsWith(`${file.split('/', 1)[0]}/`)) return true
  const hermit = Object.entries(hermits).find(([where]) => under(file, where))
  const special = Object.entries(arrows).flatMap(([where, what]) => (under(file, where) ? what : []))
  return [...(hermit?.[1] ?? everyone), ...special].some(allowed => {
    const typeOnly = allowed.startsWith('type ')
    return (isType || !typeOnly) && under(target, allowed.replace('type ', ''))
  })
}

/** All that is wrong with the imports of one file, a line each. */
const wrongArrows = (file: string, source: string): string[] => {
  const bad = importsOf(file, source).filter(found => !mayImport(file, found))
  return bad.map(({ target, isType }) => {
    const rules = Object.entries(arrows).filter(([where]) => under(file, where))
    const rule =
      rules.length > 0
        ? rules.map(([where, what]) => `${where} -> ${what.join(', ') || 'nothing'}`).join('; ')
        : 'none yet'
    return `src/${file} imports ${isType ? 'types of ' : ''}${target}; the rule is: ${rule}`
  })
}

const names = /^(utils?|helpers?|common|managers?|misc|shared)\b|[-.](utils?|helpers?|manager)\b/
const nameOfTime =
  /\b(Date\.now|new Date\(\)|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate)\b|node:timers/

/** What a file breaks of the house rules, a line each. */
const brokenRules = (file: string, source: string): string[] => {
  const code = withoutComments(source)
  const lines = source.trimEnd().split('\n').length
  const most = tables.includes(file) ? mostTableLines : mostLines
  const broken: [boolean, string][] = [
    [
      nameOfTime.test(code) && !knowTime.some(where => under(file, where)),
      'asks for the time itself: take a Clock (src/clock.ts)',
    ],
    [
      /\bprocess\.env\b/.test(code) && !knowEnvironment.includes(file),
      'reads process.env: only config.ts does',
    ],
    [/^\s*export\s+default\b|\bas default\b/m.test(code), 'has a default export: name it'],
    [
      file.split('/').some(part => names.test(part)),
      'has a name that says nothing: name the noun or verb it is about',
    ],
    [!/^[a-z0-9-]+\.ts$/.test(basename(file)), 'is not named in kebab-case'],
    [lines > most, `has ${lines} lines: ${most} are the most`],
    [!/^(#!.*\n)?\/\*\*/.test(source), 'does not open with a sentence on what it is for'],
  ]
  return broken.filter(([is]) => is).map(([, what]) => `src/${file} ${what}`)
}

/** A circle of imports that are there at run time, as a path; types are erased. */
const circleFrom = (start: string, importing: (file: string) => string[]): string[] | undefined => {
  const seen = new Set<string>()
  const walk = (file: string, path: string[]): string[] | undefined => {
    for (const next of importing(file)) {
      if (next === start) return [...path, next]
      if (seen.has(next)) continue
      seen.add(next)
      const found = walk(next, [...path, next])
      if (found) return found
    }
    return undefined
  }
  return walk(start, [start])
}

const runtimeImports = (file: string): string[] =>
  importsOf(file, sources.get(file) ?? '')
    .filter(({ isType, isOurs }) => isOurs && !isType)
    .map(({ target }) => target)

const everywhere = (check: (file: string, source: string) => string[]): string[] =>
  [...sources].flatMap(([file, source]) => check(file, source))

describe('the house', () => {
  test('imports along the arrows of DESIGN §3 only', () => {
    expect(files.length).toBeGreaterThan(20)
    expect(everywhere(wrongArrows)).toEqual([])
  })

  test('keeps the rules of DESIGN §13 that can be checked', () => {
    expect(everywhere(brokenRules)).toEqual([])
  })

  test('has no circle of imports at run time', () => {
    const circles = files.map(file => circleFrom(file, runtimeImports)?.join(' -> ')).filter(circle => circle)
    expect(circles).toEqual([])
  })
})

describe('the check itself', () => {
  const seen = (source: string) =>
    importsOf('wecom/call.ts', source).map(({ target, isType }) => `${isType ? 'type ' : ''}${target}`)

  test('sees every form of import', () => {
    expect(seen("import { a, type B } from './a.ts'")).toEqual(['wecom/a.ts'])
    expect(seen("import type {\n  A,\n  B,\n} from '../fault.ts'")).toEqual(['type fault.ts'])
    expect(seen("import Table from 'cli-table3'\nimport * as all from '@bull-board/api/x'")).toEqual([
      'cli-table3',
      '@bull-board/api',
    ])
    expect(
      seen("export { a } from './a.ts'\nexport * from './b.ts'\nexport type { C } from './c.ts'"),
    ).toHaveLength(3)
    expect(seen("import './effect.ts'\nconst x = await import('undici')")).toEqual([
      'wecom/effect.ts',
      'undici',
    ])
    expect(
      seen("// import { a } from 'bullmq'\n/** import { b } from 'bullmq' */\nimport fs from 'node:fs'"),
    ).toEqual([])
  })

  test.each([
    ['simulator/x.ts', "import { methods } from '../wecom/methods.ts'"],
    ['simulator/x.ts', "import { Fault } from '../fault.ts'"],
    ['wecom/x.ts', "import { Agent } from 'undici'"],
    ['wecom/client.ts', "import { Agent } from 'undici'"],
    ['wecom/token-store.ts', "import { Redis } from 'ioredis'"],
    ['processors/upload.ts', "import { Job } from 'bullmq'"],
    ['processors/upload.ts', "import type { Job } from 'bullmq'"],
    ['record/x.ts', "import { jobs } from '../queues/jobs.ts'"],
    ['wecom/x.ts', "import { readConfig } from '../config.ts'"],
    ['app.ts', "import { Simulator } from './simulator/index.ts'"],
    ['nobody.ts', "import { z } from 'zod'"],
  ])('forbids %s: %s', (file, source) => {
    expect(wrongArrows(file, source)).toHaveLength(1)
    expect(wrongArrows(file, source)[0]).toContain(`src/${file} imports`)
  })

  test('names the file and the rule that is broken', () => {
    const bad = [
      '/** x */\nconst now = Date.now()',
      '/** x */\nconst url = process.env.REDIS_URL',
      '/** x */\nexport default 1',
      `/** x */${'\n'.repeat(200)}const x = 1`,
      'const x = 1',
    ]
    for (const source of bad) expect(brokenRules('files/x.ts', source)).toHaveLength(1)
    for (const file of ['files/utils.ts', 'files/upload-helper.ts', 'files/upLoad.ts', 'common/x.ts'])
      expect(brokenRules(file, '/** x */')).toHaveLength(1)
    expect(brokenRules('clock.ts', '/** x */\nDate.now()\n// process.env')).toEqual([])
  })

  test('finds a circle', () => {
    const arrow: Record<string, string[]> = { a: ['b'], b: ['c'], c: ['b', 'a'], d: ['a'] }
    expect(circleFrom('a', file => arrow[file] ?? [])).toEqual(['a', 'b', 'c', 'a'])
    expect(circleFrom('d', file => arrow[file] ?? [])).toBeUndefined()
  })
})
