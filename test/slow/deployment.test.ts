/** The commands of docs/deployment.md, run as they stand there in a copy of this folder; the simulator is the platform. kubectl is not here. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { atEnd } from '../support/at-end.ts'
import { buildImage, hasDocker, image, isPlugin, standIns } from '../support/stack.ts'
import { tempDir } from '../support/temp.ts'

const run = promisify(execFile)
const home = join(import.meta.dirname, '../..')
const text = await readFile(join(home, 'docs/deployment.md'), 'utf8')
const block = (name: string): string => {
  const [, found] = new RegExp(`^\`\`\`\\w+ ${name}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text) ?? []
  if (found === undefined) throw new Error(`docs/deployment.md has no block ${name}`)
  return found
}

/** Where compose is a command of its own. */
const older =
  'docker() { if [ "$1" = compose ]; then shift; docker-compose "$@"; else command docker "$@"; fi; }'
const [publicPort, adminPort] = [18_080 + (process.pid % 1_000), 19_080 + (process.pid % 1_000)]

describe.runIf(hasDocker)('with a Docker engine', () => {
  let folder = ''
  let images: Record<string, string> = {}

  /** Builds are left out: the image is there, and building here may need arguments of this host. */
  const shell = async (code: string): Promise<string> => {
    const script = code
      .replaceAll(' --build', ' --no-build')
      .replace(/^docker compose build$/m, 'true')
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${publicPort}`)
      .replaceAll('ww1234567890abcdef', 'ww_demo_corp')
      .replaceAll('the secret of the app', 'demo-secret-of-no-value')
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', `${isPlugin ? '' : older}\n${script}`], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        ...process.env,
        ...{ COMPOSE_PROJECT_NAME: `wecomdocs${process.pid}`, COMPOSE_PROFILES: 'demo' },
        ...{ STACK_PUBLIC_PORT: `${publicPort}`, STACK_ADMIN_PORT: `${adminPort}` },
        ...images,
      },
    })
    return stdout
  }
  const cli = (...args: string[]) =>
    shell(`docker compose exec -T http node bin/wecom-media.js ${args.join(' ')}`).then(
      said => JSON.parse(said) as Record<string, string>,
    )
  /** The whole stack, healthy. */
  const healthy = () =>
    shell(
      `for i in $(seq 90); do docker compose ps -q http worker | xargs docker inspect -f '{{.State.Health.Status}}' | grep -qv healthy$ || exit 0; sleep 1; done; exit 1`,
    )

  beforeAll(async () => {
    folder = await tempDir()
    await buildImage()
    images = await standIns()
    await run('docker', ['tag', image, 'wecom-media:local'])
    const copy = 'git ls-files -co --exclude-standard -z | tar --null -T - -c | tar -x -C "$0"'
    await run('sh', ['-c', copy, folder], { cwd: home })
  }, 600_000)

  afterAll(() => shell('docker compose down -v'))

  test('the demo puts jobs on the queue, and takes one over HTTP', async () => {
    const said = await shell(block('compose-demo'))
    expect(said).toMatch(/"mediaId":"[^"]+"/)
    expect(said).toContain('"url":"/v1/jobs/')
  })

  test('a stack for good comes up, and its daily commands work', async () => {
    await shell(block('compose').replace('docker compose up -d', ''))
    await shell("printf 'WECOM_BASE_URL=http://simulator:8080/cgi-bin\\n' >> .env")
    await shell('docker compose up -d redis simulator http worker')
    await healthy()
    const daily = block('compose-daily').replace('docker compose down', '')
    await shell(daily.replaceAll('exec http', 'exec -T http')) // Nobody sits at a terminal here.
    await healthy()
  })

  test('a callback is added by an override', async () => {
    atEnd(() => shell('rm docker-compose.override.yml'))
    await shell(`cat > docker-compose.override.yml <<'END'\n${block('override')}END`)
    const config = await shell('docker compose config')
    expect(config).toContain('WECOM_CALLBACK_AES_KEY_FILE: /run/secrets/callback_aes_key')
    for (const secret of ['wecom_corp_secret', 'tokens', 'callback_token', 'callback_aes_key'])
      expect(config).toMatch(new RegExp(`source: ${secret}\\b`))
  })

  test('a backup goes back into empty volumes, and the records are there', async () => {
    const up = ['upload', 'image', '/srv/media/sources/photo.jpg', '--key', 'kept']
    const source = 'docker compose exec -T http cp /app/demo/photo.jpg /srv/media/sources/photo.jpg'
    await shell(source)
    const before = await cli(...up)
    await shell(block('backup'))
    await shell('docker compose down -v')
    await shell(block('restore').replace('docker compose up -d', ''))
    await shell('docker compose up -d redis simulator http worker')
    await healthy()
    // The same key is the same job: its result is that of the record.
    expect(await cli(...up)).toEqual(before)
  })

  test('an upgrade replaces workers, then http', async () => {
    const containers = () => shell('docker compose ps -q http worker')
    const before = await containers()
    await shell("sed -i 's/^LOG_LEVEL=.*/LOG_LEVEL=debug/' .env")
    await shell(block('upgrade'))
    await healthy()
    expect((await containers()).split('\n').filter(id => id !== '' && before.includes(id))).toEqual([])
  })
})
