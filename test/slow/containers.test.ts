/** The image and the composed stack, run: what test/containers.test.ts reads is true of real containers. Needs a Docker engine and compose. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createControl } from '../../src/simulator/control/client.ts'
import { buildImage, hasDocker, image, type Stack, startStack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const script = await readFile(join(import.meta.dirname, '../fixtures/producer.js'), 'utf8')
const project = `wecommedia${process.pid}`
const workers = 3

describe.runIf(hasDocker)('with a Docker engine', () => {
  let stack: Stack
  const up = async () => {
    stack = await startStack({ project, workers })
  }
  const all = (service: string, count = 1) =>
    Array.from({ length: count }, (_, index) => stack.container(service, index + 1))

  /** What the producer in a container did: `add` puts jobs on the queue, `wait` waits for them, too. */
  const produce = async (what: 'add' | 'wait', name: string, count: number) => {
    const command = ['node', '--input-type=module', '-e', script, what, name, `${count}`]
    const said = JSON.parse(await stack.exec(stack.container('http'), command))
    return said as { readonly results: string[]; readonly states: string[] }
  }
  const platform = () => {
    const simulator = stack.container('simulator')
    return createControl(`http://${simulator.getHost()}:${simulator.getMappedPort(8080)}/_control`)
  }
  /** Of the admin listener, from inside. */
  const page = (container: StartedTestContainer, path: string) =>
    stack.exec(container, [
      'node',
      '-e',
      `fetch('http://127.0.0.1:9464${path}').then(r => r.text()).then(t => process.stdout.write(t))`,
    ])
  const running = async (container: StartedTestContainer) =>
    Number(/wecom_media_jobs_running\{queue="upload"\} (\d+)/.exec(await page(container, '/metrics'))?.[1])

  beforeAll(async () => {
    await buildImage()
    await up()
  }, 600_000)

  afterAll(() => stack?.destroy())

  test('every container becomes healthy, is nobody, and can write to its files only', async () => {
    for (const container of [...all('worker', workers), ...all('http')]) {
      const who = await stack.exec(container, ['id', '-u'])
      expect(who).toBe('10001\n')
      await stack.exec(container, ['sh', '-c', 'touch /srv/media/x /tmp/x && rm /srv/media/x /tmp/x'])
      await expect(stack.exec(container, ['touch', '/app/x'])).rejects.toThrow('Read-only file system')
      const caps = await stack.exec(container, [
        'sh',
        '-c',
        'grep -E "Cap(Eff|Bnd)|NoNewPrivs" /proc/1/status',
      ])
      expect(caps.replace(/\s+/g, ' ')).toBe(
        'CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 ',
      )
    }
  })

  test('a file goes up by the command line of one container and comes down where all of them see it', async () => {
    const cli = ['node', 'bin/wecom-media.js']
    const up = await stack.exec(stack.container('http'), [...cli, 'upload', 'image', '/app/demo/photo.jpg'])
    const { mediaId, sizeBytes } = JSON.parse(up)
    const down = JSON.parse(await stack.exec(stack.container('http'), [...cli, 'download', mediaId]))
    expect(down.sizeBytes).toBe(sizeBytes)
    for (const worker of all('worker', workers))
      await stack.exec(worker, ['cmp', down.path, '/app/demo/photo.jpg'])
  })

  test('a job over HTTP, through the port that is published on this host', async () => {
    const http = stack.container('http')
    const at = `http://${http.getHost()}:${http.getMappedPort(8080)}`
    const ask = async (path: string, init: RequestInit = {}) => {
      const headers = { authorization: 'Bearer demo-token-of-no-value', 'content-type': 'application/json' }
      return (await fetch(at + path, { ...init, headers })).json() as Promise<Record<string, string>>
    }
    const body = JSON.stringify({ type: 'image', source: { path: '/app/demo/logo.png' } })
    const { url } = await ask('/v1/jobs/upload', { method: 'POST', body })
    expect(await ask(`${url}?wait=20`)).toMatchObject({ state: 'done', result: { name: 'logo.png' } })
    expect((await fetch(`${at}${url}`)).status).toBe(401)
  })

  test('three workers share the jobs, and the platform hears of each once', async () => {
    const { results, states } = await produce('wait', 'shared', 60)
    expect(new Set(results).size).toBe(60)
    expect(new Set(states)).toEqual(new Set(['done']))
    const calls = await platform().log({ method: 'media/upload' })
    expect(calls.filter(({ mediaId }) => mediaId !== undefined && results.includes(mediaId))).toHaveLength(60)
  })

  test('Prometheus finds every process by the name of its service', async () => {
    const query = 'count by (service) (up{job="wecom-media"} == 1)'
    const ask = ['promtool', 'query', 'instant', 'http://127.0.0.1:9090', query]
    await until(
      'all four are scraped',
      async () => {
        const said = await stack.exec(stack.container('prometheus'), ask)
        return /service="http"} => 1 /.test(said) && /service="worker"} => 3 /.test(said)
      },
      { withinMs: 60_000, everyMs: 1_000 },
    )
  })

  test('the job of a worker that is killed in the middle of it ends on another', async () => {
    await platform().faults.add({ method: 'media/upload', do: 'hold', at: 'request', afterBytes: 1000 })
    await produce('add', 'killed', 1)
    const busy = await until('a worker has the job', async () => {
      const counts = await Promise.all(all('worker', workers).map(running))
      return all('worker', workers)[counts.indexOf(1)]
    })
    await stack.kill(busy)
    const { results, states } = await produce('wait', 'killed', 1)
    expect(states).toEqual(['done'])
    const taken = (await platform().log({ method: 'media/upload' })).filter(
      ({ mediaId }) => mediaId === results[0],
    )
    expect(taken).toHaveLength(1)
  })

  test('the stack goes down with jobs on the queue, and up again with nothing lost', async () => {
    const before = await produce('wait', 'before', 5)
    await platform().faults.add({ method: 'media/upload', do: 'stall', at: 'head', times: 'always' })
    await produce('add', 'queued', 200)
    await stack.down()
    await up()
    expect(await produce('wait', 'before', 5)).toEqual(before)
    const { results, states } = await produce('wait', 'queued', 200)
    expect(states.filter(state => state !== 'done')).toEqual([])
    expect(new Set(results).size).toBe(200)
  })

  test('SIGTERM ends a worker in order, long before it would be killed', async () => {
    expect(await stack.stop(stack.container('worker', 2))).toBe(0)
  })

  test('a container that still waits for Redis ends at SIGTERM, too', async () => {
    const container = await new GenericContainer(image)
      .withEnvironment({
        ...{ REDIS_URL: 'redis://127.0.0.1:1', WECOM_CORP_ID: 'ww1', WECOM_CORP_SECRET: 'x' },
        ...{ WECOM_BASE_URL: 'http://127.0.0.1:1/cgi-bin', LOG_LEVEL: 'info' },
      })
      .withAutoRemove(false)
      .withWaitStrategy(Wait.forLogMessage('waiting up to'))
      .start()
    const id = container.getId()
    const docker = (...args: string[]) => promisify(execFile)('docker', args)
    try {
      await docker('stop', '-t', '10', id)
      const { stdout } = await docker('inspect', '-f', '{{.State.ExitCode}}', id)
      expect(Number(stdout)).toBe(130) // Interrupted; 137 is the kill.
    } finally {
      await docker('rm', '-f', id)
    }
  })
})
