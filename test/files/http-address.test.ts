/** S01, S02, S04: where a stranger's URL may lead. A trap on loopback counts connections; there must be none. */

import { readdir } from 'node:fs/promises'
import { createServer, isIP, connect as netConnect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import type { Web, WebPolicy } from '../../src/files/http.ts'
import { guardedConnector } from '../../src/files/web-guard.ts'
import { webRules } from '../../src/files/web-policy.ts'
import { atEnd } from '../support/at-end.ts'
import { head, type Script, send, startOrigin } from '../support/origin.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import { kindOf } from './kind-of.ts'
import { honest, length, site, webWith } from './web.ts'

const { signal } = new AbortController()

/** Listens on both loopbacks where there are two. */
const startTrap = async () => {
  let hits = 0
  const onConnection = (socket: Socket): void => {
    hits += 1
    socket.destroy()
  }
  const listen = (host: string, port: number) =>
    new Promise<number>((resolve, reject) => {
      const server = createServer(onConnection)
      server.on('error', reject)
      server.listen(port, host, () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
      atEnd(() => server.close())
    })
  const port = await listen('0.0.0.0', 0)
  await listen('::', port).catch(() => {})
  return { port, hits: () => hits }
}

const hosts4 = [
  ...['127.0.0.1', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7F.1', '017700000001', '0177.0.0.1'],
  ...['0x7f.0x0.0x0.0x1', '127.0.0.1.', '127.127.127.127', '127.255.255.254', '%31%32%37.0.0.1'],
  ...['１２７.０.０.１', '127。0。0。1', '①②⑦.⓪.⓪.①', '0', '0.0.0.0', '0.0.0.1', '0x0', '00'],
  ...['localhost', 'LOCALHOST', 'localhost.', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ'],
  ...['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  ...['169.254.169.254', '0xa9fea9fe', '2852039166', '0251.0376.0251.0376', '169.254.0.23', '169.254.170.2'],
  ...['100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '192.0.0.170', '192.0.2.1'],
  ...['192.31.196.1', '192.52.193.1', '192.88.99.1', '192.175.48.1', '198.18.0.1', '198.51.100.1'],
  ...['203.0.113.1', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
]
const hosts6 = [
  ...['::1', '0:0:0:0:0:0:0:1', '0000:0000:0000:0000:0000:0000:0000:0001', '::', '::ffff:127.0.0.1'],
  ...['::ffff:7f00:1', '::FFFF:7F00:0001', '0:0:0:0:0:ffff:127.0.0.1', '::ffff:169.254.169.254'],
  ...['::ffff:8.8.8.8', '::7f00:1', '::127.0.0.1', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1'],
  ...['64:ff9b::127.0.0.1', '64:ff9b:1::7f00:1', '2002:7f00:1::', '2002:7f00:1::1', '2001:0:7f00:1::'],
  ...['2001:0:4136:e378:8000:63bf:80ff:fffe', '2001:2::1', '2001:10::1', '2001:20::1', '2001:db8::1'],
  ...['fe80::1', 'febf::1', 'fec0::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '100::1', '3fff::1', '5f00::1'],
]
const literals = [...hosts4.filter(host => isIP(host) === 4), ...hosts6]

const urls = (port: number): string[] => [
  ...hosts4.map(host => `http://${host}:${port}/x.jpg`),
  ...hosts6.map(host => `http://[${host}]:${port}/x.jpg`),
  `https://127.0.0.1:${port}/`,
  `https://[::1]:${port}/`,
  `HTTP://127.0.0.1:${port}`,
  `http:127.0.0.1:${port}`,
  `http:\\\\127.0.0.1:${port}\\x`,
  `http://\t127.0.0.1\n:${port}/`,
  `http://user@127.0.0.1:${port}/`,
  `http://user:password@127.0.0.1:${port}/`,
  `http://media.example.com@127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}#@media.example.com/`,
  `http://127.0.0.1:${port}\\@media.example.com/`,
  `http://127.0.0.1:${port}?.media.example.com/`,
  ...['file:///etc/passwd', 'file://127.0.0.1/etc/passwd', `ftp://127.0.0.1:${port}/`, 'data:,x'],
  ...[`gopher://127.0.0.1:${port}/_x`, `ws://127.0.0.1:${port}/`, `blob:http://127.0.0.1:${port}/x`],
  ...['javascript:1', `dict://127.0.0.1:${port}/`, `ldap://127.0.0.1:${port}/`, 'unix:/var/run/docker.sock'],
]

const reach = async (web: Web, url: string) => {
  const dir = await tempDir()
  const kind = await kindOf(() => web.spool(url, { dir, id: 'job', maxBytes: 1_000, signal }))
  return [kind, await readdir(dir)]
}

/** What a resolver says of localhost, in any spelling. */
const lookup = async () => [{ address: '127.0.0.1', family: 4 }]

const refused = ['forbidden-address', []]

describe('S01: no spelling of a private address is connected to', () => {
  test('named directly', async () => {
    const trap = await startTrap()
    const web = webWith({ hosts: 'public', ports: [trap.port] }, { lookup })
    for (const url of urls(trap.port)) expect([url, ...(await reach(web, url))]).toEqual([url, ...refused])
    expect(urls(trap.port).length).toBeGreaterThan(100)
    expect(trap.hits()).toBe(0)
  })

  test.each([
    'http://',
    'http://[::1',
    'http://1.2.3.4.5:x/',
    'http://300.1.1.1/',
    '//127.0.0.1/',
    '127.0.0.1',
    '',
    'http://[::1%25lo]/',
  ])('what is no URL is called so: %j', async url => {
    const web = webWith({ hosts: 'public' })
    expect(await kindOf(() => web.probe(url, signal))).toBe('invalid')
    expect(await kindOf(() => web.md5(url, { maxBytes: 1, signal }))).toBe('invalid')
  })

  test('by the name that the system itself resolves', async () => {
    const trap = await startTrap()
    const web = webWith({ hosts: 'public', ports: [trap.port] })
    expect(await reach(web, `http://localhost:${trap.port}/`)).toEqual(refused)
    expect(trap.hits()).toBe(0)
  })

  test('behind a name, also where one of several addresses is bad', async () => {
    const trap = await startTrap()
    const url = `http://media.example.com:${trap.port}/x.jpg`
    const odd = ['127.1', '', 'localhost', 'fe80::1%lo', '::ffff:7f00:1%lo']
    for (const address of [...literals, ...odd]) {
      const bad = { address, family: isIP(address) || 4 }
      const good = { address: '8.8.8.8', family: 4 }
      for (const found of [[bad], [good, bad], [bad, good]]) {
        const web = webWith({ hosts: 'public', ports: [trap.port] }, { lookup: async () => found })
        expect([address, await kindOf(() => web.probe(url, signal))]).toEqual([address, 'forbidden-address'])
      }
    }
    expect(trap.hits()).toBe(0)
  })

  test('behind a redirect', async () => {
    const trap = await startTrap()
    const targets = urls(trap.port)
    const script: Script = ({ path }, socket) => {
      const location = Buffer.from(targets[Number(path.slice(1))] ?? '')
      return send(socket, 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ', location, '\r\n\r\n')
    }
    const origin = await startOrigin(script, '127.0.0.2')
    const web = webWith(
      { hosts: 'public', ports: [origin.port, trap.port], privateNets: ['127.0.0.2/32'] },
      { lookup },
    )
    for (const [index, target] of targets.entries()) {
      // A line break cannot stand in a header, a backslash there is as good as a slash: both lead nowhere new.
      if (/[\t\n]/.test(target)) continue
      const [kind, left] = await reach(web, `http://127.0.0.2:${origin.port}/${index}`)
      // Relative where the scheme is the origin's: it leads back to the origin, which redirects once more.
      const isRelative = target.startsWith('http:127')
      expect([target, kind, left]).toEqual([target, isRelative ? 'rejected' : 'forbidden-address', []])
    }
    expect(trap.hits()).toBe(0)
  })

  test('a name without any address is a network failure', async () => {
    const web = webWith({ hosts: 'public' }, { lookup: async () => [] })
    expect(await kindOf(() => web.probe('http://media.example.com/', signal))).toBe('transient')
  })

  test('a resolver that fails is a network failure', async () => {
    const failing = async () => {
      throw Object.assign(new Error('queryA ETIMEOUT media.example.com'), { code: 'EAI_AGAIN' })
    }
    const web = webWith({ hosts: 'public' }, { lookup: failing })
    expect(await kindOf(() => web.probe('https://media.example.com/', signal))).toBe('transient')
  })
})

describe('S02: a name that changes its meaning', () => {
  test('between a cut and the resume', async () => {
    const trap = await startTrap()
    const content = Buffer.alloc(1_000, 'x')
    const origin = await startOrigin(async (_, socket) => {
      await send(socket, head('200 OK', length(1_000), 'ETag: "1"'), content.subarray(0, 400))
      socket.end()
    }, '127.0.0.2')
    const answers = ['127.0.0.2', '127.0.0.1']
    const asked: string[] = []
    const web = webWith(
      { hosts: 'public', ports: [origin.port, trap.port], privateNets: ['127.0.0.2/32'] },
      {
        lookup: async hostname => {
          asked.push(hostname)
          return [{ address: answers[asked.length - 1] ?? '127.0.0.1', family: 4 }]
        },
      },
    )
    expect(await reach(web, `http://rebind.example.com:${origin.port}/x`)).toEqual(refused)
    expect([origin.asks.length, asked.length, trap.hits()]).toEqual([1, 2, 0])
  })

  test('a connection is made to the address that was checked: the name is resolved once', async () => {
    const content = Buffer.from('content')
    let lookups = 0
    const { url, port, asks } = await site(honest(content))
    const web = webWith(
      { hosts: ['media.example.com'], ports: [port], privateNets: ['127.0.0.1'] },
      {
        lookup: async () => {
          lookups += 1
          return [{ address: '127.0.0.1', family: 4 }]
        },
      },
    )
    const named = url.replace('127.0.0.1', 'media.example.com')
    expect(await web.md5(named, { maxBytes: 100, signal })).toMatchObject({ sizeBytes: 7 })
    expect(lookups).toBe(1)
    expect(asks[0]?.headers.get('host')).toBe(`media.example.com:${port}`)
  })

  test('a connector that lands elsewhere is cut off before a byte is sent', async () => {
    const { port } = await startOrigin(() => {})
    let made: Socket | undefined
    const connector = guardedConnector(
      webRules({ hosts: 'public' }),
      async () => [{ address: '8.8.8.8', family: 4 }],
      () => (_, callback) => {
        const socket = netConnect({ host: '127.0.0.1', port }, () => callback(null, socket))
        made = socket
      },
    )
    const problem = await new Promise<Error | null>(resolve =>
      connector({ hostname: 'media.example.com', protocol: 'http:' }, (...[error]) => resolve(error)),
    )
    expect(problem).toMatchObject({ kind: 'forbidden-address' })
    expect([made?.destroyed, made?.bytesWritten]).toEqual([true, 0])
  })

  test('a refusal is called back later, never thrown', async () => {
    const connector = guardedConnector(
      webRules({ hosts: 'public' }),
      async () => [],
      () => () => expect.unreachable(),
    )
    let answered: Error | null = null
    connector({ hostname: '127.0.0.1', protocol: 'http:' }, (...[error]) => {
      answered = error
    })
    expect(answered).toBeNull()
    await Promise.resolve()
    expect(answered).toMatchObject({ kind: 'forbidden-address' })
  })
})

describe('S04: redirects', () => {
  const to =
    (location: string, status = '302 Found'): Script =>
    (_, socket) =>
      send(socket, head(status, length(0), `Location: ${location}`))
  const content = Buffer.from('the content')

  test.each([
    '301 Moved',
    '302 Found',
    '303 See Other',
    '307 Temporary',
    '308 Permanent',
  ])('are followed, relative ones too: %s', async status => {
    const { web, url, asks } = await site((ask, socket) =>
      ask.index < 3 ? to(`/step/${ask.index}?a=1`, status)(ask, socket) : honest(content)(ask, socket),
    )
    expect(await web.md5(url, { maxBytes: 100, signal })).toMatchObject({ sizeBytes: content.length })
    expect(asks.map(({ path }) => path)).toEqual(['/media/photo.jpg', '/step/0', '/step/1', '/step/2'])
  })

  test('more than three, and loops, are refused', async () => {
    const { web, url, asks } = await site(to('/media/photo.jpg'))
    expect(await reach(web, url)).toEqual(['rejected', []])
    expect(asks).toHaveLength(4)
  })

  test('leave no connection behind, even where their body never ends', async () => {
    let isClosed = false
    const { web, url } = await site((ask, socket) => {
      if (ask.index > 0) return honest(content)(ask, socket)
      socket.on('close', () => {
        isClosed = true
      })
      return send(socket, head('302 Found', length(1_000), 'Location: /b'), 'never ends')
    })
    await web.md5(url, { maxBytes: 100, signal })
    await until('the connection of the redirect is closed', () => isClosed)
  })

  test('get no cookie, credential or address of where they came from', async () => {
    const { web, url, asks } = await site((ask, socket) =>
      ask.index === 0
        ? send(
            socket,
            head('302 Found', length(0), 'Location: /b', 'Set-Cookie: a=1', 'WWW-Authenticate: Basic'),
          )
        : honest(content)(ask, socket),
    )
    await web.md5(url, { maxBytes: 100, signal })
    for (const { headers } of asks)
      expect([...headers.keys()].sort()).toEqual([
        'accept',
        'accept-encoding',
        'connection',
        'host',
        'user-agent',
      ])
  })

  test.each([
    ['to credentials', 'http://user:pw@media.example.com/', 'forbidden-address'],
    ['to another port', 'http://media.example.com:22/', 'forbidden-address'],
    ['to a file', 'file:///etc/passwd', 'forbidden-address'],
    ['to no URL', 'http://[', 'rejected'],
  ])('%s are refused', async (_, location, kind) => {
    const { web, url } = await site(to(location))
    expect(await reach(web, url)).toEqual([kind, []])
  })

  test.each([
    head('302 Found', length(0)),
    head('302 Found', length(0), 'Location: /a', 'Location: http://['),
  ])('to nowhere are refused', async answer => {
    const { web, url } = await site((_, socket) => send(socket, answer))
    expect(await reach(web, url)).toEqual(['rejected', []])
  })

  test('to a host that is not listed are refused', async () => {
    const { url, port } = await site(to('http://other.example.com/'))
    const web = webWith({ hosts: ['127.0.0.1'], ports: [port], privateNets: ['127.0.0.1'] })
    expect(await reach(web, url)).toEqual(refused)
  })

  test('from https to http are refused, the other way is fine', async () => {
    const rules = webRules({ hosts: 'public' })
    const secure = new URL('https://a.example.com/')
    const plain = new URL('http://a.example.com/')
    expect(await kindOf(async () => rules.follow(secure, 'http://a.example.com/'))).toBe('forbidden-address')
    expect(rules.follow(secure, '//b.example.com/x').href).toBe('https://b.example.com/x')
    expect(rules.follow(plain, 'https://b.example.com/x').href).toBe('https://b.example.com/x')
  })
})

describe('the policy', () => {
  const admits = (policy: WebPolicy, url: string) => kindOf(async () => webRules(policy).admit(url))

  test.each<[WebPolicy['hosts'], string, string]>([
    ['off', 'https://media.example.com/', 'forbidden-address'],
    [[], 'https://media.example.com/', 'forbidden-address'],
    ['public', 'https://media.example.com/', 'no fault'],
    [['media.example.com'], 'https://media.example.com/', 'no fault'],
    [['Media.Example.COM'], 'https://MEDIA.example.com./', 'no fault'],
    [['media.example.com'], 'https://x.media.example.com/', 'forbidden-address'],
    [['media.example.com'], 'https://evilmedia.example.com/', 'forbidden-address'],
    [['media.example.com'], 'https://media.example.com.evil.net/', 'forbidden-address'],
    [['*.example.com'], 'https://a.example.com/', 'no fault'],
    [['*.example.com'], 'https://a.b.example.com/', 'no fault'],
    [['*.example.com'], 'https://example.com/', 'forbidden-address'],
    [['*.example.com'], 'https://evilexample.com/', 'forbidden-address'],
    [['*.图片.中国'], 'https://a.xn--fiqs8s.example.com/', 'forbidden-address'],
    [['图片.中国'], 'https://图片.中国/', 'no fault'],
    [['[2a00::1]'], 'https://[2a00:0:0::1]/', 'no fault'],
  ])('%j and %s: %s', async (hosts, url, expected) => {
    expect(await admits({ hosts }, url)).toBe(expected)
  })

  test.each([
    ['http://h.example.com:80/', 'no fault'],
    ['http://h.example.com:443/', 'no fault'],
    ['https://h.example.com:8443/', 'no fault'],
    ['https://h.example.com:8080/', 'forbidden-address'],
    ['https://h.example.com:22/', 'forbidden-address'],
    ['https://h.example.com:0/', 'forbidden-address'],
  ])('a port beside 80, 443 and the listed: %s: %s', async (url, expected) => {
    expect(await admits({ hosts: 'public', ports: [8443] }, url)).toBe(expected)
  })

  test.each<[WebPolicy]>([
    [{ hosts: ['https://a.example.com'] }],
    [{ hosts: ['a.example.com/x'] }],
    [{ hosts: ['a.example.com:80'] }],
    [{ hosts: ['user@a.example.com'] }],
    [{ hosts: ['*'] }],
    [{ hosts: ['*.'] }],
    [{ hosts: [''] }],
    [{ hosts: ['a b'] }],
    [{ hosts: 'public', ports: [0] }],
    [{ hosts: 'public', ports: [65_536] }],
    [{ hosts: 'public', ports: [1.5] }],
    [{ hosts: 'public', privateNets: ['all'] }],
  ])('a mistake in it is one of the configuration: %j', async policy => {
    expect(await kindOf(async () => webWith(policy))).toBe('config')
  })

  test.each<[WebPolicy, string, string]>([
    [{ hosts: 'off' }, 'https://h.example.com/p?q=s3cret', 'WECOM_MEDIA_URLS'],
    [{ hosts: ['a.example.com'] }, 'https://h.example.com/p?q=s3cret', 'WECOM_MEDIA_URLS'],
    [{ hosts: 'public' }, 'https://h.example.com:99/p?q=s3cret', 'WECOM_MEDIA_URL_PORTS'],
    [{ hosts: 'public' }, 'https://127.0.0.1/p?q=s3cret', 'WECOM_MEDIA_URL_NETS'],
    [{ hosts: 'public' }, 'https://u:s3cret@h.example.com/p', 'user name'],
  ])('a refusal names what to change and shows no path, query or user: %j %s', async (policy, url, setting) => {
    const error: unknown = await webWith(policy)
      .probe(url, signal)
      .catch(fault => fault)
    expect(error).toBeInstanceOf(Fault)
    expect(String(error)).toContain(setting)
    expect(String(error)).not.toMatch(/s3cret|\/p\b/)
  })
})
