import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scrub } from '../../src/log.ts'
import { placeOf, readAddress } from '../../src/redis.ts'
import { tempDir } from '../support/temp.ts'

describe('a Redis URL', () => {
  test('is taken apart, with TLS, user, password and database', () => {
    expect(readAddress('rediss://app:p%40ss@cache.example:7000/3')).toEqual({
      nodes: [{ host: 'cache.example', port: 7000 }],
      as: 'server',
      login: { db: 3, username: 'app', password: 'p@ss', tls: {} },
    })
    expect(readAddress('redis://[::1]')).toEqual({
      nodes: [{ host: '::1', port: 6379 }],
      as: 'server',
      login: { db: 0 },
    })
  })

  test('keeps any password as it was', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), password => {
        expect(readAddress(`redis://:${encodeURIComponent(password)}@h`).login.password).toBe(password)
      }),
    )
    expect(readAddress('redis://app:a@b:c,d@h').login).toMatchObject({ username: 'app', password: 'a@b:c,d' })
  })

  test('names the nodes of a cluster, and sentinels with what they call the primary', () => {
    const cluster = readAddress('redis://app:pw@a:7001,b:7002,[::1]:7003/?cluster')
    expect(cluster).toEqual({
      nodes: [
        { host: 'a', port: 7001 },
        { host: 'b', port: 7002 },
        { host: '::1', port: 7003 },
      ],
      as: 'cluster',
      login: { username: 'app', password: 'pw' },
    })
    expect(placeOf(cluster)).toBe('a:7001, b:7002, ::1:7003 (cluster)')
    expect(readAddress('redis://one/?cluster')).toMatchObject({ as: 'cluster', nodes: [{ port: 6379 }] })
    expect(readAddress('redis://s1:26379,s2:26379/2?sentinel=media')).toMatchObject({
      as: 'sentinel',
      primary: 'media',
      login: { db: 2 },
    })
  })

  test('names the files of TLS, whose content is read', async () => {
    const folder = await tempDir()
    const [ca, cert, key] = ['ca', 'cert', 'key'].map(name => join(folder, name))
    await Promise.all([ca, cert, key].map(path => writeFile(String(path), `content of ${path}`)))
    const url = `rediss://h:1?ca=${ca}&cert=${cert}&key=${key}&servername=redis.internal`
    expect(readAddress(url).login.tls).toEqual({
      ca: `content of ${ca}`,
      cert: `content of ${cert}`,
      key: `content of ${key}`,
      servername: 'redis.internal',
    })
  })

  test.each([
    ['', 'no Redis URL'],
    ['localhost:6379', 'no Redis URL'],
    ['http://h:1', 'no Redis URL'],
    ['redis://', 'no Redis URL'],
    ['redis://:s3cret@h/x', 'no Redis URL'],
    ['redis://:s3cret@h:99999', 'no Redis URL'],
    ['redis://:s3cret@h,', 'no Redis URL'],
    ['redis://:100%s3cret@h', 'a bare %'],
    ['redis://:s3cret@a,b', 'add ?cluster'],
    ['redis://:s3cret@a,b/1?cluster', 'only 0'],
    ['redis://:s3cret@a?cluster&sentinel=x', 'one of them'],
    ['redis://:s3cret@a?sentinel', '?sentinel=NAME'],
    ['redis://:s3cret@a?family=6', 'it knows cluster'],
    ['redis://:s3cret@a?ca=/x', 'rediss://'],
    ['redis://:s3cret@a?servername=x', 'rediss://'],
    ['rediss://:s3cret@a?cert=/x', 'one of them is missing'],
    ['rediss://:s3cret@a?ca=/not/there', "/not/there (ca) can't be read (ENOENT)"],
  ])('that is none is a config fault which says why and does not repeat it: %s', (url, why) => {
    expect(() => readAddress(url)).toThrow(expect.objectContaining({ kind: 'config' }))
    expect(() => readAddress(url)).toThrow(why)
    expect(() => readAddress(url)).not.toThrow('s3cret')
  })

  test('has a password that no log line shows', () => {
    readAddress('redis://:long-enough-a-secret@h')
    expect(scrub('Redis said long-enough-a-secret')).toBe('Redis said [secret]')
  })
})
