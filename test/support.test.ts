import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { connectWorker } from '../src/redis.ts'
import { atEnd } from './support/at-end.ts'
import { startNode } from './support/processes.ts'
import { startProxy } from './support/proxy.ts'
import { ownRedis, startRedis, testRedis } from './support/redis.ts'
import { tempDir } from './support/temp.ts'
import { until } from './support/until.ts'

describe('until', () => {
  test('gives the first truthy answer', async () => {
    let looks = 0
    expect(await until('three looks', () => (++looks === 3 ? 'seen' : undefined))).toBe('seen')
  })

  test('names what did not happen', async () => {
    await expect(until('a miracle', () => false, { withinMs: 30 })).rejects.toThrow(
      'not within 30 ms: a miracle',
    )
  })
})

describe('a temporary folder', () => {
  let old = ''

  test('is there during the test', async () => {
    old = await tempDir()
    await writeFile(join(old, 'file'), 'x')
    expect(existsSync(join(old, 'file'))).toBe(true)
  })

  test('is gone after it', () => {
    expect(old).not.toBe('')
    expect(existsSync(old)).toBe(false)
  })
})

describe('processes', () => {
  const write = async (code: string) => {
    const script = join(await tempDir(), 'script.mjs')
    await writeFile(script, code)
    return script
  }

  test('a script says that it is ready, hears a message, and its end is seen', async () => {
    const script = await write(`
      console.error('starting'); console.log('not json'); console.log(JSON.stringify({ arg: process.argv[2], env: process.env.MARK }))
      process.on('message', m => { console.log(JSON.stringify({ heard: m })); process.exit(3) })`)
    const node = startNode(script, { args: ['one'], env: { MARK: 'two' } })
    expect(await node.line()).toEqual({ arg: 'one', env: 'two' })
    node.send({ hello: 1 })
    expect(await node.line()).toEqual({ heard: { hello: 1 } })
    expect(await node.ended).toEqual({ code: 3, signal: null })
    expect(node.stderr()).toContain('starting')
  })

  test('a script can be stopped, continued and killed', async () => {
    const node = startNode(await write(`setInterval(() => console.log('{"tick":1}'), 5)`))
    await node.line()
    node.signal('SIGSTOP')
    await until('no more output', async () => {
      const before = node.stdout().length
      await delay(60)
      return node.stdout().length === before
    })
    const stopped = node.stdout().length
    node.signal('SIGCONT')
    await until('output again', () => node.stdout().length > stopped)
    node.signal('SIGKILL')
    expect(await node.ended).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('a script that dies before its line is reported with its last words', async () => {
    const node = startNode(await write(`console.error('because'); process.exit(1)`))
    await expect(node.line()).rejects.toThrow('because')
  })

  test('a script does not outlive a test process that was killed', async () => {
    const inner = await write(`setInterval(() => {}, 1000)`)
    const preload = join(import.meta.dirname, 'support/die-with-parent.ts')
    const outer = await write(`
      import { spawn } from 'node:child_process'
      const child = spawn(process.execPath, ['--import', ${JSON.stringify(preload)}, ${JSON.stringify(inner)}], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
      setTimeout(() => console.log(JSON.stringify({ pid: child.pid })), 300)`)
    const node = startNode(outer)
    const { pid } = await node.line<{ pid: number }>()
    expect(alive(pid)).toBe(true)
    node.signal('SIGKILL')
    await until('the inner script ends', () => !alive(pid))
  })
})

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('the proxy', () => {
  const echo = async () => {
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    atEnd(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const address = server.address()
    return `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  const dial = async (port: number) => {
    const socket = connect(port, '127.0.0.1')
    atEnd(() => socket.destroy())
    let text = ''
    let error = ''
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    socket.on('error', cause => {
      error = 'code' in cause ? String(cause.code) : cause.message
    })
    await once(socket, 'connect').catch(() => {})
    return { socket, text: () => text, error: () => error }
  }

  test('passes bytes and endings both ways', async () => {
    const proxy = await startProxy(await echo())
    const { socket, text } = await dial(proxy.port)
    const big = 'x'.repeat(300_000)
    socket.end(big)
    await once(socket, 'close')
    expect(text()).toBe(big)
    expect(proxy.passed('up')).toBe(300_000)
    expect(proxy.passed('down')).toBe(300_000)
    await until('the link is forgotten', () => proxy.links() === 0)
  })

  test('adds latency without narrowing the line', async () => {
    const proxy = await startProxy(await echo())
    proxy.latencyMs = 60
    const { socket, text } = await dial(proxy.port)
    const startMs = performance.now()
    for (let n = 0; n < 20; n++) socket.write('x'.repeat(1000))
    await until('all of it', () => text().length === 20_000)
    const tookMs = performance.now() - startMs
    expect(tookMs).toBeGreaterThan(115)
    expect(tookMs).toBeLessThan(1000)
  })

  test('narrows the line', async () => {
    const proxy = await startProxy(await echo())
    proxy.bytesPerSecond = 100_000
    const { socket, text } = await dial(proxy.port)
    const startMs = performance.now()
    socket.write('x'.repeat(30_000))
    await until('all of it', () => text().length === 30_000)
    expect(performance.now() - startMs).toBeGreaterThan(290)
  })

  test('resets open links and refuses new ones until told otherwise', async () => {
    const proxy = await startProxy(await echo())
    const first = await dial(proxy.port)
    await until('the link', () => proxy.links() === 1)
    await proxy.refuse()
    proxy.reset()
    await until('the reset', () => first.error() === 'ECONNRESET')
    expect((await dial(proxy.port)).error()).toBe('ECONNREFUSED')
    await proxy.accept()
    const third = await dial(proxy.port)
    third.socket.write('hello')
    await until('an echo', () => third.text() === 'hello')
  })

  test('a frozen link loses bytes in silence and stays dead, a new one works', async () => {
    const proxy = await startProxy(await echo())
    const old = await dial(proxy.port)
    old.socket.write('one')
    await until('an echo', () => old.text() === 'one')
    proxy.freeze('down')
    old.socket.write('two')
    await until('it arrives at the server', () => proxy.passed('up') === 6)
    proxy.thaw()
    old.socket.write('three')
    const fresh = await dial(proxy.port)
    fresh.socket.write('four')
    await until('an echo', () => fresh.text() === 'four')
    expect(old.text()).toBe('one')
    expect(old.error()).toBe('')
  })

  test('a link that lost nothing goes on after a thaw', async () => {
    const proxy = await startProxy(await echo())
    const { socket, text } = await dial(proxy.port)
    proxy.freeze()
    proxy.thaw()
    socket.write('still here')
    await until('an echo', () => text() === 'still here')
  })

  test('cuts a link after exactly that many bytes, once', async () => {
    const proxy = await startProxy(await echo())
    proxy.limit(1000)
    const cut = await dial(proxy.port)
    cut.socket.write('x'.repeat(5000))
    await until('the reset', () => cut.error() === 'ECONNRESET')
    expect(cut.text().length).toBe(1000)
    const whole = await dial(proxy.port)
    whole.socket.write('x'.repeat(5000))
    await until('all of it', () => whole.text().length === 5000)
  })
})

describe('Redis for tests', () => {
  test('a closed corner leaves no key behind, and spares those of others', async () => {
    const [mine, yours] = [testRedis(), testRedis()]
    await mine.redis.set(`wm:${mine.prefix}:a`, 1)
    await yours.redis.set(`wm:${yours.prefix}:a`, 1)
    await mine.close()
    expect(await yours.redis.exists(`wm:${mine.prefix}:a`, `wm:${yours.prefix}:a`)).toBe(1)
  })

  test.runIf(ownRedis)('a killed server with AOF comes back on the same port with its data', async () => {
    const own = await startRedis({ appendonly: true })
    const { redis } = linked(own.url)
    await redis.config('SET', 'appendfsync', 'always')
    await redis.set('kept', 'yes')
    const before = own.pid()
    await own.kill()
    expect(alive(before)).toBe(false)
    await own.restart()
    expect(own.pid()).not.toBe(before)
    expect(await redis.get('kept')).toBe('yes')
  })

  test.runIf(ownRedis)('a paused server answers later, a full one refuses', async () => {
    const own = await startRedis({ maxmemory: 1 })
    const { redis } = linked(own.url)
    await expect(redis.set('a', 'b')).rejects.toThrow('OOM')
    const startMs = performance.now()
    await own.pause(150)
    await redis.ping()
    expect(performance.now() - startMs).toBeGreaterThan(140)
  })
})

const linked = (url: string) => {
  const redis = connectWorker(url)
  atEnd(() => redis.disconnect())
  return { redis }
}
