/** The commands of README and of docs/operations.md, run as they stand there; the simulator is the platform. Containers and the demo have tests of their own. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { copyFile, readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { envOf, start } from '../commands/cli.ts'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { startFileOrigin } from '../support/file-origin.ts'
import { freePort } from '../support/free-port.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'

const execute = promisify(execFile)
const home = join(import.meta.dirname, '../..')

/** All blocks of this name in a page, one after the other. */
const blocks = async (page: string, info: string): Promise<string> => {
  const text = await readFile(join(home, page), 'utf8')
  const found = [...text.matchAll(new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))]
  expect(found.length, `${page} has no block ${info}`).toBeGreaterThan(0)
  return found.map(([, code]) => code).join('')
}

/** %header{…} came with 7.84. */
const hasCurl = await execute('curl', ['--version']).then(
  ({ stdout }) => Number(/^curl (\d+\.\d+)/.exec(stdout)?.[1]?.replace('.', '')) >= 784,
  () => false,
)

test.runIf(hasCurl)(
  'the service that README starts takes a file and shows its dashboard (needs curl 7.84)',
  async () => {
    const ports: Record<string, number> = {
      8080: await freePort(),
      8090: await freePort(),
      9464: await freePort(),
    }
    const moved = (code: string) =>
      code.replace(/(?<=:|--port )(8080|8090|9464)\b/g, port => String(ports[port]))
    const folder = await tempDir()
    for (const name of await readdir(home))
      if (name !== '.git') await symlink(join(home, name), join(folder, name))
    const env = {
      ...process.env,
      WECOM_MEDIA_PORT: String(ports['8080']),
      WECOM_MEDIA_ADMIN_PORT: String(ports['9464']),
      WECOM_MEDIA_DOWNLOADS: join(folder, 'got'),
      REDIS_URL: '',
    }
    const service = bash(moved(await blocks('README.md', 'sh service')), folder, env)
    const admin = `http://127.0.0.1:${ports['9464']}`
    await until(
      'readiness',
      () =>
        fetch(`${admin}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { withinMs: 60_000 },
    )
    const script = moved(await blocks('README.md', 'sh http'))
    const { stdout } = await execute('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env })
    expect(JSON.parse(stdout)).toMatchObject({ state: 'done', result: { name: 'photo.jpg' } })
    const board = await fetch(`${admin}/board`, { headers: { accept: 'text/html' } })
    expect([board.status, await board.text()]).toEqual([200, expect.stringContaining('password')])
    expect((await fetch(`http://127.0.0.1:${ports['8080']}/v1/docs`)).status).toBe(200)
    expect(await (await fetch(`${admin}/metrics`)).text()).toContain('wecom_media_jobs_total')
    if (service.pid) process.kill(-service.pid, 'SIGTERM')
    await new Promise(resolve => service.once('close', resolve))
  },
  120_000,
)

/** A group of its own, so that what it starts in the background ends with it. */
function bash(code: string, cwd: string, env: NodeJS.ProcessEnv): ChildProcess {
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', code], { cwd, env, detached: true, stdio: 'ignore' })
  atEnd(() => {
    try {
      if (shell.pid) process.kill(-shell.pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  })
  return shell
}

/** Commands that go on until they are told to end, and what they say when they are ready. */
const lasting = { demo: 'Ctrl-C', serve: '"ready"', simulate: 'baseUrl' } as const

test('each command of README does what it is there for', async () => {
  const origin = await startFileOrigin()
  const it = await deploy({
    env: {
      WECOM_MEDIA_URLS: '127.0.0.1',
      WECOM_MEDIA_URL_PORTS: String(origin.port),
      WECOM_MEDIA_URL_NETS: '127.0.0.0/8',
    },
  })
  await it.startHere()
  const env = await furnish(it, origin)
  const ids = {
    plain: (await it.simulator.addMedia({ name: 'photo.jpg', sizeBytes: 5_000 })).mediaId,
    hd: (await it.simulator.addMedia({ kind: 'speex', name: 'v', sizeBytes: 6_000 })).mediaId,
  }
  const lines = (await blocks('README.md', 'sh commands')).trim().split('\n')
  for (const line of lines) {
    const said = line
      .replace('https://media.example.com', origin.url('').replace(/\/$/, ''))
      .replace('MEDIA_ID', line.includes('speex') ? ids.hd : ids.plain)
      .replace('--port 8080', '--port 0')
      .replace('--write schemas', `--write ${join(it.root, 'schemas')}`)
    const [, name = '', ...args] = said.split(' ')
    const cli = start([name, ...args], {
      env: name === 'demo' ? { REDIS_URL: env['REDIS_URL'] } : env,
      cwd: it.root,
    })
    if (name in lasting) {
      const sign = lasting[name as keyof typeof lasting]
      await until(line, () => `${cli.stdout()}${cli.stderr()}`.includes(sign), { withinMs: 60_000 })
      cli.signal('SIGINT')
    }
    const { code } = await cli.ended
    expect([line, code, cli.stderr()]).toEqual([line, name === 'check' ? 1 : 0, expect.any(String)])
    if (name === 'check') expect(failedIn(cli.stdout())).toEqual(['redis persistence'])
  }
}, 240_000)

/** The Redis of the tests keeps nothing on disk, and that is told. */
const failedIn = (stdout: string): string[] => {
  const { findings } = JSON.parse(stdout) as { findings: { what: string; state: string }[] }
  return findings.filter(({ state }) => state === 'failed').map(({ what }) => what)
}

/** What the commands name lies there. */
async function furnish(
  { root, put, downloads, ...it }: Deployment,
  origin: Awaited<ReturnType<typeof startFileOrigin>>,
): Promise<Record<string, string>> {
  for (const name of ['photo.jpg', 'logo.png', '季度报告.pdf'])
    await copyFile(join(home, 'demo', name), join(root, name))
  await put('news.html', '<img src="photo.jpg"><img src="missing.png">')
  const clip = await readFile(join(home, 'demo/clip.mp4'))
  for (const name of ['/clip.mp4', '/talk.mp4']) origin.put(name, clip)
  return {
    ...envOf({ root, put, downloads, ...it } as Deployment),
    ...{
      WECOM_MEDIA_URLS: '127.0.0.1',
      WECOM_MEDIA_URL_PORTS: String(origin.port),
      WECOM_MEDIA_URL_NETS: '127.0.0.0/8',
    },
  }
}

test('each command of docs/operations.md is taken, with the id of a job that failed', async () => {
  const it = await deploy()
  await it.startHere()
  const env = envOf(it)
  for (const line of (await blocks('docs/operations.md', 'sh operations')).trim().split('\n')) {
    const id = /\b01[0-9A-Z]{24}\b/
    const [, name = '', ...args] = line.replace(id, id.test(line) ? await failed(it) : '').split(' ')
    const cli = start(
      [name, ...args, ...(args[0] === 'retry' && !args.includes('--dry-run') ? ['--yes'] : [])],
      { env },
    )
    const { code } = await cli.ended
    // One that has ended can't be cancelled any more, and that is told.
    expect([line, code]).toEqual([line, args[0] === 'cancel' ? 1 : 0])
    expect(JSON.parse(cli.stdout()), line).toBeTypeOf('object')
  }
}, 120_000)

async function failed({ producer, root }: Deployment): Promise<string> {
  const job = await producer.upload({ type: 'file', source: { path: join(root, 'nowhere.txt') } })
  await expect(producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'not-found' })
  return job.id
}
