/** The READMEs and docs/ against the code: tables, names, paths, commands and examples. What is not checked here is not true for long. */

import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Queue } from 'bullmq'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ZodType } from 'zod'
import { type Row as BenchRow, barsText, shown } from '../bench/rows.ts'
import { systemClock } from '../src/clock.ts'
import { readConfig, settings } from '../src/config.ts'
import { Fault, kinds } from '../src/fault.ts'
import { createRules } from '../src/limits/index.ts'
import { pairKey } from '../src/limits/keys.ts'
import { defaultRules, gatedMethods } from '../src/limits/rules.ts'
import { metricsTable } from '../src/metrics/metrics.ts'
import { namespaceOf } from '../src/namespace.ts'
import { endOf } from '../src/processors/async-again.ts'
import { outcomeOf } from '../src/processors/outcome.ts'
import { addOptions } from '../src/queues/add.ts'
import { jobs, publicJobs } from '../src/queues/jobs.ts'
import { defaultApp, Simulator } from '../src/simulator/index.ts'
import { routes } from '../src/simulator/routes/index.ts'
import { bindings } from '../src/wecom/bindings.ts'
import type { Call } from '../src/wecom/call.ts'
import { errcodes } from '../src/wecom/errcodes.ts'
import { type AppKind, createClient, type MethodName } from '../src/wecom/index.ts'
import {
  asyncMedia,
  attachments,
  formatsOf,
  type MediaType,
  mediaTypes,
  minBytes,
  permanentImage,
} from '../src/wecom/media-types.ts'
import { methods } from '../src/wecom/methods.ts'
import { defaultBaseUrl } from '../src/wecom/platform.ts'
import { knownVariables } from './contract/platform.ts'
import { atEnd } from './support/at-end.ts'
import { account, callbackKeys, type Deployment, deploy } from './support/deployment.ts'
import { startFileOrigin } from './support/file-origin.ts'
import { freePort } from './support/free-port.ts'
import { startNode } from './support/processes.ts'
import { tempDir } from './support/temp.ts'
import { until } from './support/until.ts'
import { webhookEnv, webhookSecret } from './support/webhook-receiver.ts'

const home = join(import.meta.dirname, '..')
const read = (name: string): Promise<string> => readFile(join(home, name), 'utf8')
const run = promisify(execFile)

const readmes = ['README.md', 'README.zh-CN.md'] as const
/** Each README goes on in these pages of docs/, in its own language. */
const pages = [
  ...([
    'client',
    'jobs',
    'apps',
    'callback',
    'api',
    'webhooks',
    'operations',
    'limits',
    'dashboard',
    'observability',
    'runbooks',
    'settings',
    'scaling',
    'performance',
    'deployment',
    'simulator',
    'reference',
    'errcodes',
  ] as const),
]
type Page = (typeof pages)[number]
const pageOf = (readme: (typeof readmes)[number], page: Page): string =>
  `docs/${page}${readme === 'README.md' ? '' : '.zh-CN'}.md`
const english = ['README.md', ...pages.map(page => pageOf('README.md', page))]
const chinese = ['README.zh-CN.md', ...pages.map(page => pageOf('README.zh-CN.md', page))]
const documents = [...english, ...chinese, 'CONTRIBUTING.md', 'CHANGELOG.md']
const texts = Object.fromEntries(await Promise.all(documents.map(async name => [name, await read(name)])))
const textOf = (document: string): string => texts[document] ?? ''

interface Block {
  /** What stands behind the fence, such as `ts producer`. */
  readonly info: string
  readonly code: string
}

const blocksOf = (text: string): Block[] =>
  [...text.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)].map(([, info = '', code = '']) => ({ info, code }))

/** Of both languages alike; see the test of their likeness. */
const block = (info: string): string => {
  const [found, ...more] = english.flatMap(name => blocksOf(textOf(name))).filter(one => one.info === info)
  if (!found || more.length > 0) throw new Error(`there must be one block "${info}"`)
  return found.code
}

const withoutBlocks = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')
const spansOf = (text: string): string[] =>
  [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)

type Row = readonly string[]

/** Tables without their head, each a list of rows of cells. */
const tablesOf = (text: string): Row[][] =>
  [...withoutBlocks(text).matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) =>
    table
      .trimEnd()
      .split('\n')
      .slice(2)
      .map(line =>
        line
          .slice(1, -1)
          .split('|')
          .map(cell => cell.trim()),
      ),
  )

const keyOf = ([first = '']: Row): string => first.replace(/^`(.*)`$/, '$1')

/** The table that has a row of this name: name -> the other cells. */
const tableWith = (text: string, name: string): Record<string, Row> => {
  const table = tablesOf(text).find(rows => rows.some(row => keyOf(row) === name))
  if (!table) throw new Error(`no table has a row ${name}`)
  expect(new Set(table.map(keyOf)).size).toBe(table.length)
  return Object.fromEntries(table.map(row => [keyOf(row), row.slice(1)]))
}

const columns = (table: Record<string, Row>, count: number): Record<string, Row> =>
  Object.fromEntries(Object.entries(table).map(([name, cells]) => [name, cells.slice(0, count)]))

const code = (text: string): string => `\`${text}\``
const codes = (names: readonly string[]): string => names.map(code).join(', ') || '–'
const mapRows = <V>(table: Readonly<Record<string, V>>, cells: (row: V, name: string) => Row) =>
  Object.fromEntries(Object.entries(table).map(([name, row]) => [name, cells(row, name)]))

const defaultOf = ({ schema }: { readonly schema: ZodType }): string => {
  const text = String(schema.safeParse(undefined).data ?? '')
  return text === '' ? '–' : code(text)
}

const figure = (count: number): string => count.toLocaleString('en-US')

/** What a method may be called for, as the table of methods has it: its narrowest rate, and its quota. */
const limitCell = (method: MethodName): string => {
  if (!gatedMethods.includes(method)) return '–'
  const { minute } = defaultRules[method].rates
  const quota = Object.values(defaultRules[method].quota) as readonly { amount: number; per: string }[]
  const rate = `${figure(minute.amount)} / ${minute.windowMs / 1000} s`
  return [rate, ...quota.map(({ amount, per }) => `${figure(amount)} / ${per}`)].join('; ')
}

/** Calls, and the seconds or the name of the period that they are counted in. */
const ruleRows = (): Record<string, Row> => {
  const { rates, quota } = defaultRules['media/uploadimg']
  return {
    ...mapRows(rates, ({ amount, windowMs, scope }) => [
      ...[figure(amount), `${figure(windowMs / 1000)} s`, code(scope)],
    ]),
    ...mapRows(quota, ({ amount, per }) => [figure(amount), code(per), code('corp')]),
  }
}

const outcomeCell = (kind: (typeof kinds)[number]): string => {
  const job = { busyTries: 0, remainingMs: Number.POSITIVE_INFINITY, isLastAttempt: false }
  const outcome = outcomeOf(new Fault(kind, 'x'), job)
  return outcome.as === 'wait' ? `${code('wait')} ${outcome.ms / 1000} s` : code(outcome.as)
}

const typeCells = (type: MediaType, any: string): Row => {
  const rules: { maxBytes: number; maxSeconds?: number } = mediaTypes[type]
  const formats = formatsOf(type)
  const formatCell = formats === 'any' ? any : formats.map(format => format.toUpperCase()).join(', ')
  const length = rules.maxSeconds === undefined ? '–' : `${rules.maxSeconds} s`
  return [`${rules.maxBytes / 1024 / 1024} MiB`, formatCell, length]
}

/** `name?` for a field that may be left out. */
const fieldsOf = ({ shape }: { readonly shape: Readonly<Record<string, ZodType>> }): string[] =>
  Object.entries(shape)
    .map(([name, schema]) => (schema.safeParse(undefined).success ? `${name}?` : name))
    .sort()
const fieldsIn = (cell: string): string[] =>
  [...cell.matchAll(/`([A-Za-z0-9]+\??)`/g)].map(([, name = '']) => name).sort()

/** Which method each call of the client makes. */
const methodsOfCalls = async (): Promise<Record<string, string>> => {
  const asked: string[] = []
  const call = (async ({ method }) => {
    asked.push(method)
    throw new Fault('cancelled', 'x')
  }) as Call
  const client = bindings(call, systemClock)
  const open = () => Promise.reject(new Error('is not opened'))
  const file = { type: 'image', name: 'a.jpg', sizeBytes: 10, open } as const
  const calls: Record<keyof typeof client, () => Promise<unknown>> = {
    upload: () => client.upload(file),
    uploadImage: () => client.uploadImage(file),
    uploadAttachment: () => client.uploadAttachment({ ...file, attachment: 'moments' }),
    uploadForProvider: () => client.uploadForProvider(file),
    uploadByUrl: () =>
      client.uploadByUrl({ type: 'file', name: 'a', url: 'https://a.example/', md5: '0'.repeat(32) }),
    uploadByUrlResult: () => client.uploadByUrlResult('jobid'),
    get: () => client.get('media_id'),
    getHd: () => client.getHd('media_id'),
  }
  for (const each of Object.values(calls)) await each().catch(() => undefined)
  return Object.fromEntries(Object.keys(calls).map((name, index) => [asked[index], name]))
}

/** The texts of a union type in a source: types are gone when a test runs. */
const unionIn = async (path: string, opening: string): Promise<string[]> => {
  const source = await read(path)
  const [, union = ''] = source.split(opening)
  return [...(union.split(/\n\n|\n {2}readonly/)[0] ?? '').matchAll(/'([a-z-]+)'/g)].map(
    ([, text = '']) => text,
  )
}

/** What stands behind "one of:" in a refusal. */
const oneOf = (work: () => unknown): string[] =>
  /one of: (.*)/.exec(String(catching(work)))?.[1]?.split(', ') ?? []

describe.each(readmes)('%s', name => {
  const text = textOf(name)
  const page = (which: Page): string => textOf(pageOf(name, which))
  const reference = page('reference')
  const isEnglish = name === 'README.md'
  const any = isEnglish ? 'any' : '任意'
  const listed = (words: readonly string[]): string => codes(words).replaceAll(', ', isEnglish ? ', ' : '、')

  test('has the settings of src/config.ts with their defaults, the commonest itself', () => {
    const all = mapRows(settings, row => [defaultOf(row)])
    expect(columns(tableWith(page('settings'), 'REDIS_URL'), 1)).toEqual(all)
    const commonest = tableWith(text, 'REDIS_URL')
    expect(columns(commonest, 1)).toEqual(
      Object.fromEntries(Object.keys(commonest).map(setting => [setting, all[setting]])),
    )
  })

  test('has the methods with the calls, jobs, tokens, limits and pages of the manual', async () => {
    const calls = await methodsOfCalls()
    const table = tableWith(page('client'), 'media/upload')
    expect(Object.keys(table)).toEqual(Object.keys(methods))
    for (const [method, [, client, job = '', ...rest]] of Object.entries(table)) {
      const { token, doc } = methods[method as MethodName]
      expect(client).toBe(codes(calls[method] === undefined ? [] : [calls[method]]))
      expect(job === '–').toBe(calls[method] === undefined)
      const link = `[${doc.split('/').at(-1)}](${doc})`
      expect(rest).toEqual([codes(token ? [token] : []), limitCell(method as MethodName), link])
    }
    const named = new Set(
      Object.values(table).flatMap(([, , job = '']) => job.match(/(?<=`)[^`,]+(?=`)/g) ?? []),
    )
    expect([...named].toSorted()).toEqual(publicJobs.toSorted())
    const client = createClient({ ...account, baseUrl: defaultBaseUrl })
    const others = ['closed', 'close']
    expect(Object.values(calls).toSorted()).toEqual(
      Object.keys(client)
        .filter(key => !others.includes(key))
        .toSorted(),
    )
  })

  test('has the kinds of apps', async () => {
    const known = catching(() => createClient({ ...account, kind: '?' as AppKind & 'provider' }))
    const names = /use (.*)$/.exec(String(known))?.[1]?.split(', ')
    expect(names).toHaveLength(4)
    expect(Object.keys(tableWith(page('apps'), 'self-built'))).toEqual(names)
  })

  test('has the events and refusals of callbacks', async () => {
    const events = await unionIn('src/callback/seams.ts', 'readonly event:')
    expect(events.length).toBeGreaterThan(4)
    expect(Object.keys(tableWith(page('callback'), 'verify')).toSorted()).toEqual(events.toSorted())
    const reasons = await unionIn('src/callback/refused.ts', 'export type RefusalReason =')
    expect(reasons.length).toBeGreaterThan(5)
    expect(Object.keys(tableWith(page('callback'), 'signature'))).toEqual(reasons)
    const outcomes = await unionIn('src/callback/seams.ts', 'readonly outcome:')
    expect(page('callback')).toContain(listed(outcomes))
  })

  test('has every errcode with its kind, who acts, and its meaning', () => {
    const rows = mapRows(errcodes as Record<string, (typeof errcodes)[number]>, ({ kind, who, en, zh }) => [
      ...[code(kind), code(who), isEnglish ? en : zh],
    ])
    expect(tableWith(page('errcodes'), '40007')).toEqual(rows)
    const actors = new Set(Object.values(errcodes).map(({ who }) => who))
    expect(Object.keys(tableWith(page('errcodes'), 'caller')).toSorted()).toEqual([...actors].toSorted())
  })

  test('has how an async upload ends, and what it may be given', () => {
    const table = tableWith(page('jobs'), '830003')
    for (const [errcode, [kind, again]] of Object.entries(table)) {
      const row = errcodes[Number(errcode)]
      expect(kind).toBe(code(row?.kind ?? ''))
      const ended = { kind: row?.kind ?? 'rejected', errcode: Number(errcode) } as const
      const ends = endOf(ended, { computed: true, holds: false })
      expect(again === (isEnglish ? 'no' : '否'), errcode).toBe(!ends.again)
    }
    const { maxBytes, minBytes: least, urlMaxBytes, nameMaxBytes, types } = asyncMedia
    for (const fact of [
      figure(urlMaxBytes),
      String(nameMaxBytes),
      `${maxBytes / 1024 / 1024} MiB`,
      String(least),
    ])
      expect(
        page('jobs')
          .split(/^## /m)
          .find(part => part.includes('`830003`')),
      ).toContain(fact)
    expect(types).toEqual(['video', 'file'])
  })

  test('has what attachments are for and which types they take', () => {
    const shape = jobs['media.upload'].payload.shape.attachment.unwrap()
    const table = tableWith(page('jobs'), 'moments')
    expect(Object.keys(table)).toEqual(shape.options)
    const typesOf = (use: string): readonly string[] =>
      use === 'cashier' ? Object.keys(mediaTypes) : attachments[use as keyof typeof attachments].types
    for (const [use, [, types]] of Object.entries(table)) expect(types).toBe(codes(typesOf(use)))
  })

  test('has what became of the images of an article', () => {
    const { as } = jobs['media.article'].result.shape.images.element.shape
    expect(Object.keys(tableWith(page('jobs'), 'repeated'))).toEqual(as.options)
  })

  test('has the kinds of faults and what each leads to', () => {
    const table = columns(tableWith(reference, 'transient'), 1)
    expect(table).toEqual(Object.fromEntries(kinds.map(kind => [kind, [outcomeCell(kind)]])))
    expect(text).toContain(isEnglish ? `${kinds.length} kinds` : `${kinds.length} 个种类`)
  })

  test('has the metrics with their types and labels', () => {
    const table = columns(tableWith(reference, 'wecom_media_jobs_total'), 2)
    expect(table).toEqual(mapRows(metricsTable, ({ type, labelNames }) => [type, codes(labelNames)]))
  })

  test('has the types of media with their limits', () => {
    const table = columns(tableWith(text, 'image'), 3)
    expect(table).toEqual(mapRows(mediaTypes, (_rules, type) => typeCells(type as MediaType, any)))
    expect(text).toMatch(new RegExp(isEnglish ? `at least ${minBytes} bytes` : `至少 ${minBytes} 字节`))
  })

  test('has the bounds of a permanent image', () => {
    const { minBytes: least, maxBytes } = permanentImage
    const most = `${maxBytes / 1024 / 1024} MiB`
    expect(text).toContain(
      isEnglish ? `JPG or PNG of ${least} bytes to ${most}` : `JPG 或 PNG，${least} 字节到 ${most}`,
    )
    expect(formatsOf('image')).toEqual(['jpg', 'png'])
  })

  test('has the rules of limits, which all methods share but for the quota', () => {
    expect(columns(tableWith(text, 'ip-minute'), 3)).toEqual(ruleRows())
    const { 'media/uploadimg': image, ...others } = defaultRules
    for (const row of Object.values(others)) expect(row).toEqual({ rates: image.rates, quota: {} })
  })

  test('has the jobs with their payloads, results, attempts and deadlines', () => {
    const table = tableWith(text, 'media.upload')
    expect(Object.keys(table)).toEqual(publicJobs)
    for (const job of publicJobs) {
      const { queue, payload, result, attempts, deadlineMs } = jobs[job]
      const [inQueue = '', takes = '', gives = '', ...rest] = table[job] ?? []
      expect(inQueue).toBe(code(queue))
      expect(fieldsIn(takes)).toEqual(fieldsOf(payload))
      expect(fieldsIn(gives)).toEqual(fieldsOf(result))
      expect(rest).toEqual([String(attempts), `${deadlineMs / 3_600_000} h`])
    }
  })

  test('lists every method, fault and control call of the simulator', async () => {
    const simulator = await new Simulator().start()
    atEnd(() => simulator.stop())
    const faults = oneOf(() => simulator.faults.add({ method: 'media/get', do: '?' } as never))
    const ofCallbacks = oneOf(() => simulator.callbackFaults.add({ do: '?' } as never))
    expect([faults.length, ofCallbacks.length]).toEqual([12, 8])
    for (const names of [Object.keys(routes), faults, ofCallbacks])
      expect(page('simulator')).toContain(listed(names))
    const { error } = (await (await fetch(`${simulator.controlUrl}/?`)).json()) as { error: string }
    const actions = error.replace(/^.*there are: /, '').split(', ')
    expect(Object.keys(tableWith(page('simulator'), 'GET log'))).toEqual(actions)
  })

  test('has the figures of the benchmark, and no better ones', async () => {
    const { rows } = JSON.parse(await read('bench/results/pipeline.json')) as { rows: BenchRow[] }
    const figures = Object.fromEntries(
      rows.map(row => [row.key, [shown(row.ours), shown(row.other), row.ratio.toFixed(2), barsText(row)]]),
    )
    const table = tableWith(page('performance'), 'overhead-ledger-off')
    expect(
      mapRows(table, ([, ours = '', other = '', , ratio = '', bar = '']) => [ours, other, ratio, bar]),
    ).toEqual(figures)
  })

  test('lists the variables of the contract suite', () => {
    const table = tableWith(page('simulator'), 'WECOM_CONTRACT_SECRET')
    expect(Object.keys(table)).toEqual(knownVariables)
  })

  test('stays under 300 lines', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThan(300)
  })
})

const catching = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test('every page of docs/ is checked here', async () => {
  const found = (await readdir(join(home, 'docs'))).map(name => `docs/${name}`)
  expect(found.filter(name => name.endsWith('.md') && !documents.includes(name))).toEqual([])
})

describe.each(english.map((name, index) => [name, chinese[index] ?? '']))('%s and %s', (...pair) => {
  const [english, chinese] = pair.map(textOf) as [string, string]
  const sectionsOf = (text: string): string[] => text.split(/^## /m)

  test('have the same headings', () => {
    const levels = (text: string) => [...withoutBlocks(text).matchAll(/^(#+) /gm)].map(([, level]) => level)
    expect(levels(chinese)).toEqual(levels(english))
  })

  test('have the same tables, row by row', () => {
    const keys = (text: string) => tablesOf(text).map(rows => rows.map(keyOf))
    expect(keys(chinese)).toEqual(keys(english))
  })

  test('have the same blocks of code', () => {
    expect(blocksOf(chinese)).toEqual(blocksOf(english))
  })

  test('name the same things in each section', () => {
    const named = (text: string) => sectionsOf(text).map(section => [...new Set(spansOf(section))].sort())
    expect(named(chinese)).toEqual(named(english))
  })
})

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .replace(/\s/g, '-')

const anchorsOf = (document: string): string[] =>
  [...withoutBlocks(textOf(document)).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchorOf(title))

const isPath = (span: string): boolean =>
  /^(src|test|bin|demo|schemas|docs|bench|deploy|node_modules)\/[\w./-]*$/.test(span) ||
  /^[\w-]+\.(md|json|ts)$/.test(span)

describe.each(documents)('%s', name => {
  const text = textOf(name)

  test('names only files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
    const targets = links
      .filter(link => !link.startsWith('https:'))
      .map(link => link.split('#'))
      .map(([path = '', anchor]) => ({ path: path === '' ? name : join(dirname(name), path), anchor }))
    const paths = [...targets.map(({ path }) => path), ...spansOf(text).filter(isPath)]
    expect(paths.filter(path => !existsSync(join(home, path)))).toEqual([])
    const dead = targets.filter(
      ({ path, anchor }) => anchor !== undefined && !anchorsOf(path).includes(anchor),
    )
    expect(dead).toEqual([])
  })

  test('names only scripts that package.json has', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> }
    const named = [...text.matchAll(/npm (?:run ([\w:]+)|(test)\b)/g)].map(
      ([, script, test]) => script ?? test,
    )
    expect(named.filter(script => scripts[script ?? ''] === undefined)).toEqual([])
  })
})

describe('the commands', () => {
  /** Each `wecom-media <command> …` in code, anywhere. */
  const uses = documents
    .flatMap(name => [
      ...spansOf(textOf(name)),
      ...blocksOf(textOf(name)).flatMap(({ code }) => code.split('\n')),
    ])
    .flatMap(text => [...text.matchAll(/^(?:npx )?wecom-media ([a-z-]+)(.*)$/g)])
    .map(([, command = '', rest = '']) => ({ command, flags: rest.match(/(?<= )--?[a-z][\w-]*/g) ?? [] }))
  const helps = new Map<string, string>()

  beforeAll(async () => {
    const commands = ['', ...new Set(uses.map(({ command }) => command))]
    const script = `
      import { main } from ${JSON.stringify(join(home, 'src/main.ts'))}
      for (const command of ${JSON.stringify(commands)}) {
        await main(command === '' ? ['--help'] : [command, '--help'])
        process.stdout.write('\\0')
      }`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
    for (const [index, help] of stdout.split('\0').entries()) helps.set(commands[index] ?? 'end', help)
  })

  test('are known to the program, and so are their flags', () => {
    const known = [...(helps.get('') ?? '').matchAll(/^ {2}(?!wecom-media )([a-z-]+) /gm)].map(
      ([, command]) => command,
    )
    expect(uses.length).toBeGreaterThan(8)
    for (const { command, flags } of uses) {
      expect(known).toContain(command)
      for (const flag of flags) expect(helps.get(command)).toMatch(new RegExp(`(^|[\\s,])${flag}\\b`, 'm'))
    }
  })

  test('are all shown in some document', () => {
    const known = [...(helps.get('') ?? '').matchAll(/^ {2}(?!wecom-media )([a-z-]+) /gm)].map(
      ([, command]) => command,
    )
    const shown = new Set(uses.map(({ command }) => command))
    expect(known.filter(command => command !== 'help' && !shown.has(command ?? ''))).toEqual([])
  })
})

test('the demo prints what README shows: the files of demo/ with their sizes, and every other way', async () => {
  const shown = block('text demo')
  const names = await readdir(join(home, 'demo'))
  for (const name of names.filter(each => !each.endsWith('.md')))
    expect(shown).toMatch(new RegExp(`│ ${name} +│`))
  const rows = shown.split('\n').filter(line => / [KM]iB │/.test(line))
  expect(rows.length).toBeGreaterThan(4)
  for (const row of rows) {
    const [name = '', , size] = row
      .slice(1)
      .split('│')
      .map(cell => cell.trim())
    const { size: sizeBytes } = await stat(join(home, 'demo', name))
    expect(size).toBe(`${(sizeBytes / 1024).toFixed(1)} KiB`)
  }
  const ways = shown.split('\n').filter(line => /│ +yes +│$/.test(line))
  expect(ways).toHaveLength(rows.length + 5)
  // That test runs the demo and looks for the same words.
  const asked = await read('test/commands/demo.test.ts')
  for (const way of ways.slice(rows.length)) expect(asked).toContain(`'${way.split('│')[1]?.trim()}'`)
  expect(shown).toContain(`${rows.length} of ${rows.length} files came back with the same bytes.`)
})

test('every arrow of README is an import in the code', async () => {
  for (const line of block('text arrows').trim().split('\n')) {
    const chain = line.split(' -> ').map(part => part.split(', '))
    expect(chain.length).toBeGreaterThan(1)
    for (const [index, [from = '']] of chain.slice(0, -1).entries())
      for (const to of chain[index + 1] ?? []) expect(await imports(from, to), `${from} -> ${to}`).toBe(true)
  }
})

/** Whether a file of the first folder (or file) imports one of the second. */
const imports = async (from: string, to: string): Promise<boolean> => {
  const folder = join(home, 'src', from)
  const files = existsSync(folder)
    ? (await readdir(folder)).filter(name => name.endsWith('.ts')).map(name => join(folder, name))
    : [`${folder}.ts`]
  const sources = await Promise.all(files.map(file => readFile(file, 'utf8')))
  return sources.some(source => new RegExp(`from '\\.\\.?/${to}(/|\\.ts)`).test(source))
}

describe('the examples', () => {
  /** Imports of the package -> the sources that its exports are built from. */
  const resolved = async (code: string): Promise<string> => {
    const { exports } = JSON.parse(await read('package.json')) as {
      exports: Record<string, { default: string }>
    }
    return code.replace(/(?<=from ')wecom-media(\/\w+)?(?=')/g, (_all, path = '') => {
      const built = exports[`.${path}`]?.default ?? ''
      expect(built).toMatch(/^\.\/dist\/.*\.js$/)
      return join(home, built.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))
    })
  }

  /** Writes the example as a script into the folder. */
  const script = async (info: string, folder: string): Promise<string> => {
    const path = join(folder, `${info.replace(' ', '-')}.mts`)
    await writeFile(path, await resolved(block(info)))
    return path
  }

  const photo = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), randomBytes(5_000)])
  const sha256 = createHash('sha256').update(photo).digest('hex')

  /** Runs the example in the root, beside photo.jpg, with the settings of the workers; answers what it printed. */
  const runExample = async (
    info: string,
    { root, config, put }: Deployment,
    redisUrl = '',
    more: Readonly<Record<string, string>> = {},
  ): Promise<string> => {
    await put('photo.jpg', photo)
    const example = startNode(await script(info, await tempDir()), {
      cwd: root,
      env: {
        REDIS_URL: redisUrl,
        WECOM_BASE_URL: config.baseUrl,
        WECOM_MEDIA_PREFIX: config.prefix,
        WECOM_CORP_ID: account.corpId,
        WECOM_CORP_SECRET: account.secret,
        ...more,
      },
    })
    const { code } = await example.ended
    expect(example.stderr()).toBe('')
    expect(code).toBe(0)
    return example.stdout()
  }

  test('of the producer uploads and downloads', async () => {
    const deployment = await deploy()
    await deployment.startHere()
    const printed = await runExample('ts producer', deployment, deployment.config.redisUrl)
    expect(printed).toContain(sha256)
    expect(deployment.simulator.log({ method: 'media/upload' })).toMatchObject([
      { sha256, filename: 'photo.jpg' },
    ])
    // Its own; the article shows the same photo.
    expect(deployment.simulator.log({ method: 'media/uploadimg' })).toMatchObject([{ errcode: 0 }])
    expect(printed).toMatch(/url: 'http/)
    expect(printed).toMatch(/html: '<h1>News<\/h1><img src="http/)
    expect(printed).toContain("as: 'reused'")
  })

  test('of the async upload has the platform fetch the file', async () => {
    const files = await startFileOrigin()
    const content = randomBytes(50_000)
    const env = {
      WECOM_MEDIA_URLS: '127.0.0.1',
      WECOM_MEDIA_URL_PORTS: String(files.port),
      WECOM_MEDIA_URL_NETS: '127.0.0.0/8',
    }
    const deployment = await deploy({ callback: true, env })
    await deployment.startHere()
    await deployment.put('handbook.zip', content)
    const url = files.put('/handbook.zip', content)
    const printed = await runExample('ts async', deployment, deployment.config.redisUrl, { FILE_URL: url })
    expect(printed).toMatch(/mediaId: '3\*1\*/)
    expect(printed).toContain("usableFor: [ 'media/get', 'group-welcome' ]")
    expect(deployment.simulator.jobs()).toMatchObject([{ filename: '员工手册.zip', status: 'done' }])
  })

  test('of a receiver takes a webhook that is ours, and no other message', async () => {
    const port = await freePort()
    const env = webhookEnv(port)
    const deployment = await deploy({ env })
    await deployment.startHere()
    await deployment.put('photo.jpg', photo)
    const receiver = startNode(await script('ts webhook', await tempDir()), {
      env: { PORT: String(port), WECOM_MEDIA_WEBHOOK_SECRET: webhookSecret },
    })
    const webhook = `http://127.0.0.1:${port}/ended`
    await until('the receiver', () =>
      fetch(webhook, { method: 'POST' }).then(
        ({ status }) => status === 401,
        () => false,
      ),
    )
    const job = await deployment.producer.upload({ type: 'image', source: { path: 'photo.jpg' }, webhook })
    const { mediaId } = await deployment.producer.result(job)
    const printed = `job.done ${job.id} ${mediaId}\n`
    await until('its line', () => receiver.stdout() === printed)
    expect(receiver.stderr()).toBe('')
  })

  test('of the apps file is read, with all four kinds and every form of a secret', async () => {
    const folder = await tempDir()
    const file = join(folder, 'apps.json')
    const held = join(folder, 'helpdesk')
    await writeFile(held, 'from a mounted file\n')
    await writeFile(join(folder, 'sales.key'), callbackKeys.aesKey)
    await writeFile(file, block('json apps').replace('/run/secrets/helpdesk', held))
    const { token, aesKey } = callbackKeys
    const { apps, suites } = readConfig({
      WECOM_MEDIA_APPS: file,
      ...{ SALES_SECRET: 's1', SALES_TOKEN: token, ACME_CODE: 'p3' },
      ...{ ALBUM_SECRET: 's4', ALBUM_TOKEN: token, ALBUM_KEY: aesKey },
    })
    expect(Object.values(apps).map(({ kind = 'self-built' }) => kind)).toEqual([
      ...['self-built', 'agent-built', 'third-party', 'provider'],
    ])
    expect(apps).toMatchObject({
      default: { secret: 's1', callback: { token, aesKey, download: ['voice'] } },
      helpdesk: { secret: 'from a mounted file' },
      acme: { suite: 'album', permanentCode: 'p3' },
    })
    expect(suites).toMatchObject({ album: { suiteSecret: 's4', callback: { token, aesKey } } })
  })

  test('of the client uploads and downloads', async () => {
    const deployment = await deploy()
    await runExample('ts client', deployment)
    expect(await readFile(join(deployment.root, 'copy.jpg'))).toEqual(photo)
  })

  test('of shared limits passes the gate of the workers', async () => {
    const deployment = await deploy()
    const { redis, namespace, simulator } = deployment
    await runExample('ts limits', deployment, deployment.config.redisUrl)
    expect(simulator.log({ method: 'media/upload' })).toMatchObject([{ sha256 }])
    const bucket = pairKey(namespace, { corp: account.corpId, method: 'media/upload' })
    expect(Object.keys(await redis.hgetall(bucket))).toEqual(
      expect.arrayContaining(['tat:minute', 'tat:hour']),
    )
  })

  test('of several deployments chooses one of them', async () => {
    const deployment = await deploy()
    await deployment.startHere()
    const { redisUrl = '' } = deployment.config
    await runExample('ts shards', deployment, redisUrl, { REDIS_URLS: `redis://127.0.0.1:1 ${redisUrl}` })
    expect(deployment.simulator.log({ method: 'media/upload' })).toMatchObject([{ sha256 }])
  })

  test('of changed limits changes what the text says', () => {
    const { limits } = readConfig({ WECOM_MEDIA_LIMITS: block('json limits') })
    const rules = createRules(limits)
    const amounts = (corp: string, method: 'media/get' | 'media/uploadimg') =>
      Object.fromEntries(rules.of(corp, method).buckets.map(({ name, amount }) => [name, amount]))
    expect(amounts('ww2', 'media/get')).toMatchObject({ minute: 8000, hour: 150_000, short: 200 })
    expect(amounts('ww1', 'media/get')).not.toHaveProperty('hour')
    expect(amounts('ww1', 'media/uploadimg')).toHaveProperty('hour')
    expect(rules.of('ww1', 'media/get')).toMatchObject({ concurrency: 20, corpConcurrency: 40 })
    expect(rules.of('ww2', 'media/uploadimg').quota).toEqual([
      { name: 'day', amount: 800, per: 'day' },
      { name: 'month', amount: 3_000, per: '30-days' },
    ])
    expect(rules.flightMs).toBe(1_000)
  })

  test('compile for a user with strict types', async () => {
    const folder = await tempDir()
    const infos = ['ts producer', 'ts async', 'ts client', 'ts limits', 'ts webhook', 'ts shards']
    const files = await Promise.all(infos.map(info => script(info, folder)))
    const flags = ['--noEmit', '--strict', '--allowImportingTsExtensions', '--skipLibCheck', '--ignoreConfig']
    const target = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable']
    const types = ['--types', 'node', '--typeRoots', join(home, 'node_modules/@types')]
    const tsc = run(join(home, 'node_modules/.bin/tsc'), [...flags, ...target, ...types, ...files])
    const printed = await tsc.then(({ stdout }) => stdout).catch(error => String(error.stdout || error))
    // Our own sources are stricter than a user's settings; a user sees only their declarations.
    const ofOurs = /(^|\/)src\/.*: error TS/
    expect(printed.split('\n').filter(line => line.includes('error') && !ofOurs.test(line))).toEqual([])
  }, 60_000)

  test('of the simulator are taken by its control API', async () => {
    // Nobody listens there; what is sent is not received, and that is told.
    const callback = { ...callbackKeys, url: 'http://127.0.0.1:9/callback/default' }
    const simulator = await new Simulator({ apps: [{ ...defaultApp, callback }] }).start()
    atEnd(() => simulator.stop())
    const lines = block('sh control').trim().split('\n')
    for (const line of lines) {
      const [, path, body] = /^curl "\$CONTROL\/(\S+)"(?: -d '(.*)')?$/.exec(line) ?? []
      const url = `${simulator.controlUrl}/${path}`
      const response = await fetch(url, body === undefined ? {} : { method: 'POST', body })
      expect([line, response.status, await response.text()]).toEqual([line, 200, expect.any(String)])
    }
  })

  test('of a foreign producer is done', async () => {
    const { prefix, queue, name, data, opts } = JSON.parse(block('json foreign'))
    expect(prefix).toBe(namespaceOf(defaultBaseUrl))
    const deployment = await deploy()
    await deployment.startHere()
    await deployment.put('photo.jpg', photo)
    const foreign = new Queue(queue, { connection: deployment.redis, prefix: deployment.namespace })
    atEnd(() => foreign.close())
    const job = await foreign.add(name, data, opts)
    await until('the end of the job', () => job.isCompleted())
    const result = (await foreign.getJob(opts.jobId))?.returnvalue
    expect(jobs['media.upload'].result.parse(result)).toMatchObject({
      name: 'photo.jpg',
      sizeBytes: photo.length,
    })
    const { priority, attempts, backoff } = addOptions('media.upload', opts.jobId, false)
    expect(opts).toEqual({ jobId: opts.jobId, priority, attempts, backoff })
    expect([priority, addOptions('media.upload', opts.jobId, true).priority]).toEqual([10, 1])
  })
})
