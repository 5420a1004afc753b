/** docker-compose.yml as it stands, run by the Docker engine that answers, with the simulator as the platform. */

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  DockerComposeEnvironment,
  getContainerRuntimeClient,
  type StartedDockerComposeEnvironment,
  type StartedTestContainer,
  Wait,
} from 'testcontainers'

const run = promisify(execFile)
const home = join(import.meta.dirname, '../..')
const answers = (command: string, ...args: string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  )

// The stack publishes on the loopback address of the engine's host, which is this one for an engine behind a socket.
// Inside a container testcontainers would ask the address of a gateway instead.
if (!/^(tcp|ssh|https?):/.test(process.env['DOCKER_HOST'] ?? ''))
  process.env['TESTCONTAINERS_HOST_OVERRIDE'] ??= '127.0.0.1'

const hasEngine = await getContainerRuntimeClient().then(
  () => true,
  () => false,
)
/** Compose is a plugin of docker, or in older places a command of its own. */
export const isPlugin = hasEngine && (await answers('docker', 'compose', 'version'))
/** Tests that need both are listed as not run where one is missing. */
export const hasDocker = isPlugin || (hasEngine && (await answers('docker-compose', 'version')))

export const image = 'wecom-media:test'

/** Authorities that this host trusts besides the public ones: its registry may be behind one of them. */
const hostAuthorities = async (): Promise<string> => {
  const folder = '/usr/local/share/ca-certificates'
  const files = (await readdir(folder).catch(() => [])).filter(file => file.endsWith('.crt'))
  return (await Promise.all(files.map(file => readFile(join(folder, file), 'utf8')))).join('\n')
}

/** By the command line, since testcontainers can't build with the network of the host, which some hosts need. */
export const buildImage = async (): Promise<void> => {
  const authorities = await hostAuthorities()
  const args = authorities === '' ? [] : ['--build-arg', `NPM_CONFIG_CA=${authorities}`]
  await run('docker', ['build', '--network=host', ...args, '-t', image, home], {
    maxBuffer: 64 * 1024 * 1024,
  })
}

const says = (...args: string[]): Promise<string> =>
  run('docker', args).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )

/** Where images are stand-ins (made of Debian's packages): their names and users, as the stack's variables. */
export const standIns = async (): Promise<Record<string, string>> => {
  const redisUser = await says('run', '--rm', '--entrypoint', 'id', 'redis:8-bookworm', '-u', 'redis')
  const pinned = await says('image', 'ls', '-q', 'prom/prometheus:v3.5.0')
  const latest = await says('image', 'ls', '-q', 'prom/prometheus:latest')
  return {
    // Root without a single capability is nobody, too.
    ...(redisUser !== '999' && { REDIS_USER: '0:0' }),
    ...(pinned === '' && latest !== '' && { PROMETHEUS_IMAGE: 'prom/prometheus:latest' }),
  }
}

export interface Stack {
  /** The n-th container of a service. */
  container(service: string, index?: number): StartedTestContainer
  /** What a command in it says on stdout. Rejects when it fails. */
  exec(container: StartedTestContainer, command: readonly string[]): Promise<string>
  /** SIGKILL, as a host that goes down. */
  kill(container: StartedTestContainer): Promise<void>
  /** Stops as `docker stop` does, and answers the exit code. */
  stop(container: StartedTestContainer): Promise<number>
  /** Everything goes but the volumes. */
  down(): Promise<void>
  /** The volumes, too. */
  destroy(): Promise<void>
}

export interface StackOptions {
  readonly project: string
  readonly workers: number
}

const services = ['redis', 'simulator', 'http', 'worker', 'prometheus']

/** Rejects when a container does not become healthy. */
export const startStack = async ({ project, workers }: StackOptions): Promise<Stack> => {
  const started = await composed(project, workers, await standIns()).up(services)
  const engine = await getContainerRuntimeClient()
  const byId = (container: StartedTestContainer) => engine.container.getById(container.getId())
  return {
    container: (service, index = 1) => containerOf(started, project, service, index),
    async exec(container, command) {
      const { exitCode, stdout, stderr } = await container.exec([...command])
      if (exitCode !== 0)
        throw new Error(`${command.slice(0, 2).join(' ')} … ended with ${exitCode}: ${stderr}`)
      return stdout
    },
    kill: async container => {
      await byId(container).kill()
    },
    async stop(container) {
      await byId(container).stop({ t: 30 })
      return (await byId(container).inspect()).State.ExitCode
    },
    down: async () => {
      await started.down({ removeVolumes: false, timeout: 30_000 })
    },
    destroy: async () => {
      await started.down({ removeVolumes: true, timeout: 30_000 })
    },
  }
}

const composed = (
  project: string,
  workers: number,
  images: Readonly<Record<string, string>>,
): DockerComposeEnvironment => {
  const files = ['docker-compose.yml', 'test/fixtures/compose.test.yml']
  const environment = new DockerComposeEnvironment(home, files)
    .withProjectName(project)
    .withAutoCleanup(false)
    .withEnvironmentFile('deploy/compose/demo.env')
    .withEnvironment({
      ...{ STACK_IMAGE: image, STACK_WORKERS: String(workers), ...images },
      ...{ STACK_PUBLIC_PORT: '0', STACK_ADMIN_PORT: '0', STACK_PROMETHEUS_PORT: '0' },
    })
    .withDefaultWaitStrategy(Wait.forHealthCheck())
    .withStartupTimeout(60_000)
  return isPlugin ? environment : environment.withClientOptions({ executable: { standalone: true } })
}

/** The plugin joins names with a dash, the command with an underscore. */
const containerOf = (
  started: StartedDockerComposeEnvironment,
  project: string,
  service: string,
  index: number,
): StartedTestContainer =>
  started.getContainer(isPlugin ? `${service}-${index}` : `${project}_${service}_${index}`)
