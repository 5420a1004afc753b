/** Starts Redis in a container where a Docker engine answers. Development only: testcontainers is no dependency of a production install. */

import { randomBytes } from 'node:crypto'

export interface Container {
  readonly url: string
  readonly image: string
  stop(): Promise<void>
}

const image = 'valkey/valkey:8-alpine'

/** Resolves to nothing where there is no testcontainers, no engine, or no image; testcontainers' reaper ends it if we are killed. */
export const startContainer = async (say: (line: string) => void): Promise<Container | undefined> => {
  const testcontainers = await import('testcontainers').catch(() => undefined)
  if (testcontainers === undefined) return undefined
  const engine = await testcontainers.getContainerRuntimeClient().catch(() => undefined)
  if (engine === undefined) return undefined
  // The engine publishes ports on every interface, hence a password that nobody can guess.
  const password = randomBytes(24).toString('hex')
  say(`No Redis on PATH: starting a container from ${image}.`)
  try {
    const started = await new testcontainers.GenericContainer(image)
      .withCommand([
        'valkey-server',
        '--maxmemory-policy',
        'noeviction',
        '--save',
        '',
        '--requirepass',
        password,
      ])
      .withExposedPorts(6379)
      .start()
    const url = `redis://:${password}@${started.getHost()}:${started.getMappedPort(6379)}`
    return { url, image, stop: () => started.stop().then(() => {}) }
  } catch (error) {
    say(`The container did not start: ${String(error).split('\n', 1)[0]}`)
    return undefined
  }
}
