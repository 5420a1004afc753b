/** S14 of notes/reliability.md for the admin listener: whoever is slow loses the connection, and keeps nobody out for longer. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { serveAdmin } from '../../src/http/admin.ts'
import { atEnd } from '../support/at-end.ts'
import { until } from '../support/until.ts'

const serve = async () => {
  const server = await serveAdmin(
    { host: '127.0.0.1', port: 0 },
    {
      metrics: async () => ({ body: '', contentType: 'text/plain' }),
      ready: async () => ({ ok: true, text: 'ready' }),
      board: {
        path: '/board',
        mount: async scope => void scope.post('/login', async () => 'in'),
      },
    },
    { headers: 400, request: 400, idle: 400, look: 50 },
  )
  atEnd(() => server.close())
  return server
}

const open = async (url: string, first = ''): Promise<Socket> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined).resume()
  atEnd(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(first)
  return socket
}

const head = 'POST /board/login HTTP/1.1\r\nHost: x\r\n'
const body = `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`

test('silence, half a head, half a body and a drip lose their connection', async () => {
  const { url } = await serve()
  const beganMs = performance.now()
  const sockets = await Promise.all(['', head, body, head, body].map(first => open(url, first)))
  const dripping = setInterval(() => sockets.slice(-2).map(socket => socket.write('x')), 50)
  atEnd(() => clearInterval(dripping))
  await until('all are gone', () => sockets.every(({ closed }) => closed))
  expect(performance.now() - beganMs).toBeLessThan(2_500)
})

test('as many slow connections as there is room for keep nobody out for longer than their time', async () => {
  const { url } = await serve()
  await Promise.all(Array.from({ length: 250 }, () => open(url, head)))
  const beganMs = performance.now()
  const alive = () =>
    fetch(`${url}/livez`).then(
      ({ status }) => status === 200,
      () => false,
    )
  await until('alive', alive)
  expect(performance.now() - beganMs).toBeLessThan(2_500)
})
