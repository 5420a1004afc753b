import { describe, expect, test } from 'vitest'
import { messageKey } from '../../src/callback/events.ts'
import type { MediaMessage } from '../../src/callback/index.ts'
import { createReceiver } from '../../src/callback/receiver.ts'
import type { CallbackRequest, Party } from '../../src/callback/seams.ts'
import { Fault } from '../../src/fault.ts'
import * as at from './desk.ts'
import { check, corp, desk, finished, forbidden, nowS, outside, post, seal, ticket } from './desk.ts'

const toSuite = { receiveId: at.suite }
const toTenant = { receiveId: at.tenant }
const suiteParty = { party: at.suiteParty }
const plain = 'text/plain; charset=utf-8'

describe('a URL check', () => {
  test('is answered with the plain text and nothing else', async () => {
    const { receive, told } = desk()
    const answer = await receive(check(seal('1616140317555161061')))
    expect(answer).toEqual({
      status: 200,
      body: '1616140317555161061',
      contentType: plain,
      event: 'verify',
      outcome: 'accepted',
    })
    expect(told).toEqual([])
  })

  test('of a suite is addressed to the provider', async () => {
    const { receive } = desk()
    expect((await receive(check(seal('42', { receiveId: at.provider }), suiteParty))).body).toBe('42')
    for (const receiveId of [at.suite, at.tenant, corp, '']) {
      const answer = await receive(check(seal('42', { receiveId }), suiteParty))
      expect(outside(answer)).toEqual(forbidden)
      expect(answer).toMatchObject({ event: 'verify', outcome: 'refused', reason: 'receiver' })
    }
  })

  test('never shows the message of a delivery that somebody recorded', async () => {
    const { receive } = desk()
    const answer = await receive(check(seal(finished())))
    expect(outside(answer)).toEqual(forbidden)
    expect(answer.reason).toBe('malformed')
  })

  test.each([
    '',
    ' 42',
    '4\n2',
    '42\0',
    '<a>',
    'é',
    'x'.repeat(257),
  ])('does not reflect %j', async message => {
    expect(outside(await desk().receive(check(seal(message))))).toEqual(forbidden)
  })

  test('of 11 minutes ago is refused', async () => {
    const { receive, clock } = desk()
    await clock.advance(11 * 60_000)
    expect((await receive(check(seal('42')))).reason).toBe('stale')
  })
})

describe('a delivery', () => {
  test('of a finished job is handed on, and answered with nothing', async () => {
    const { receive, told } = desk()
    const answer = await receive(post(seal(finished('jobid_1'))))
    expect(answer).toEqual({ status: 200, body: '', event: 'job-finished', outcome: 'accepted' })
    expect(told).toEqual([['job-finished', 'sales', corp, 'jobid_1']])
  })

  test('two jobs that finish in the same second are two', async () => {
    const { receive, told } = desk()
    await receive(post(seal(finished('jobid_1'))))
    await receive(post(seal(finished('jobid_2'))))
    expect(told.map(([, , , job]) => job)).toEqual(['jobid_1', 'jobid_2'])
  })

  test('of a suite ticket is answered with the literal success', async () => {
    const { receive, told } = desk()
    const answer = await receive(post(seal(ticket('t-1', nowS - 5), toSuite), suiteParty))
    expect(answer).toEqual({
      status: 200,
      body: 'success',
      contentType: plain,
      event: 'suite-ticket',
      outcome: 'accepted',
    })
    const issuedAtMs = (nowS - 5) * 1000
    expect(told).toEqual([['suite-ticket', 'suite', { suiteId: at.suite, ticket: 't-1', issuedAtMs }]])
  })

  test('to a tenant of a suite names the tenant', async () => {
    const { receive, told } = desk()
    await receive(post(seal(finished('jobid_1'), toTenant), suiteParty))
    // ToUserName inside says another corp: the receive id counts.
    expect(told).toEqual([['job-finished', 'suite', at.tenant, 'jobid_1']])
  })

  test.each([10, 13])('takes a time of %i digits', async digits => {
    const { receive, told } = desk()
    const time = digits === 10 ? nowS : `${nowS}123`
    expect((await receive(post(seal(finished('j', time))))).outcome).toBe('accepted')
    expect(told).toHaveLength(1)
  })

  test.each([
    ['<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content>', 'text'],
    ['<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[change_contact]]></Event>', 'change_contact'],
    [
      '<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[batch_job_result]]></Event>' +
        '<BatchJob><JobId><![CDATA[S0]]></JobId><JobType><![CDATA[sync_user]]></JobType></BatchJob>',
      'batch_job_result',
    ],
    ['<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[a b\n"{}]]></Event>', 'unnamed'],
    ['<MsgType><![CDATA[event]]></MsgType>', 'unnamed'],
  ])('that we do not know is acknowledged: %s', async (fields, name) => {
    const { receive, told, remembered } = desk()
    const answer = await receive(post(seal(`<xml><CreateTime>${nowS}</CreateTime>${fields}</xml>`)))
    expect(answer).toEqual({ status: 200, body: '', event: 'other', outcome: 'accepted', name })
    expect([told, [...remembered]]).toEqual([[], []])
  })

  test('of a command that we do not know is acknowledged with success', async () => {
    const message = `<xml><InfoType><![CDATA[create_auth]]></InfoType><TimeStamp>${nowS}</TimeStamp></xml>`
    const answer = await desk().receive(post(seal(message, toSuite), suiteParty))
    expect(answer).toMatchObject({ status: 200, body: 'success', event: 'other', name: 'create_auth' })
  })
})

describe('a message with media', () => {
  const message = (type: string, more: string) =>
    `<xml><ToUserName><![CDATA[${corp}]]></ToUserName><FromUserName><![CDATA[zhang]]></FromUserName>` +
    `<CreateTime>${nowS}</CreateTime><MsgType><![CDATA[${type}]]></MsgType>${more}<AgentID>1000002</AgentID></xml>`

  test.each(['image', 'voice', 'video'] as const)('%s is handed on', async type => {
    const { receive, told } = desk()
    const more = '<MediaId><![CDATA[1abc-_]]></MediaId><Format>amr</Format><MsgId>7000000000000000001</MsgId>'
    expect(await receive(post(seal(message(type, more))))).toMatchObject({ status: 200, event: 'media' })
    const found: MediaMessage = {
      as: 'media',
      type,
      mediaId: '1abc-_',
      createdAtMs: nowS * 1000,
      msgId: '7000000000000000001',
      agentId: '1000002',
      from: 'zhang',
      format: 'amr',
    }
    expect(told).toEqual([['media', 'sales', corp, found]])
    expect(messageKey(found)).toBe('7000000000000000001')
  })

  test('what it does not say is left out', async () => {
    const { receive, told } = desk()
    const empty = '<MsgId></MsgId>'
    await receive(
      post(
        seal(
          `<xml><CreateTime>${nowS}</CreateTime><MsgType>image</MsgType><MediaId>1</MediaId>${empty}</xml>`,
        ),
      ),
    )
    expect(told[0]?.[3]).toEqual({ as: 'media', type: 'image', mediaId: '1', createdAtMs: nowS * 1000 })
  })

  test.each([
    '',
    '<MediaId></MediaId>',
    '<MediaId>a b</MediaId>',
    `<MediaId>${'a'.repeat(257)}</MediaId>`,
  ])('without a usable media_id is refused: %s', async more => {
    expect((await desk().receive(post(seal(message('image', more))))).reason).toBe('malformed')
  })

  test('its key stays the same for a repeat and differs for all else', () => {
    const base: MediaMessage = { as: 'media', type: 'image', mediaId: 'a', createdAtMs: 1, from: 'b' }
    const others: MediaMessage[] = [
      { ...base, mediaId: 'ab' },
      { ...base, createdAtMs: 11 },
      { ...base, from: 'ba' },
      // Joined without a separator, this one is the one before last.
      { ...base, from: 'b1' },
      { ...base, msgId: 'odd id' },
      { ...base, msgId: 'odd/id' },
      { ...base, msgId: 'x'.repeat(65) },
      { ...base, msgId: '1' },
    ]
    expect(messageKey({ ...base })).toBe(messageKey(base))
    const keys = [base, ...others].map(messageKey)
    expect(new Set(keys).size).toBe(keys.length)
    for (const key of keys) expect(key).toMatch(/^[\w-]{1,64}$/)
  })
})

describe('who is not addressed here', () => {
  const stranger = { receiveId: 'ww9999999999999999' }

  test.each<[string, CallbackRequest]>([
    ['another corp', post(seal(finished(), stranger))],
    ['nobody', post(seal(finished(), { receiveId: '' }))],
    ['a corp whose id begins like ours', post(seal(finished(), { receiveId: `${corp}0` }))],
    ['the provider, in a delivery', post(seal(finished(), { receiveId: at.provider }), suiteParty)],
    ['a corp that has not authorised the suite', post(seal(finished(), stranger), suiteParty)],
    ['a suite, at an app', post(seal(ticket(), toSuite))],
    ['a command to a corp', post(seal(ticket()))],
    ['a command to a tenant', post(seal(ticket(), toTenant), suiteParty)],
    ['a message to the suite', post(seal(finished(), toSuite), suiteParty)],
    [
      'what is both to the suite',
      post(seal(ticket().replace('<xml>', '<xml><MsgType>event</MsgType>'), toSuite), suiteParty),
    ],
    ['a path with another corp', post(seal(finished()), { corpId: stranger.receiveId })],
    ['a path with the placeholder', post(seal(finished()), { corpId: '$CORPID$' })],
    ['a path with an empty corp', post(seal(finished()), { corpId: '' })],
    ['a check with another corp in the path', check(seal('42'), { corpId: stranger.receiveId })],
  ])('%s is refused', async (_, request) => {
    const { receive, told } = desk()
    const answer = await receive(request)
    expect(outside(answer)).toEqual(forbidden)
    expect(answer.reason).toBe('receiver')
    expect(told).toEqual([])
  })

  test('a check is answered even if nobody has replaced the placeholder in the path', async () => {
    const { receive } = desk()
    expect(await receive(check(seal('42'), { corpId: '$CORPID$' }))).toMatchObject({
      status: 200,
      body: '42',
    })
  })

  test('the placeholder is refused even where it is the receive id', async () => {
    const serves = () => true
    const party: Party = { ...at.appParty, serves }
    const request = post(seal(finished(), { receiveId: '$CORPID$' }), { party, corpId: '$CORPID$' })
    expect((await desk().receive(request)).reason).toBe('receiver')
  })

  test('a path with the right corp is accepted', async () => {
    const { receive, told } = desk()
    const request = post(seal(finished('j'), toTenant), { ...suiteParty, corpId: at.tenant })
    expect((await receive(request)).outcome).toBe('accepted')
    expect(told).toEqual([['job-finished', 'suite', at.tenant, 'j']])
  })
})

describe('what is no callback', () => {
  const good = seal(finished())
  const noTime = finished().replace(/<CreateTime>.*<\/CreateTime>/, '')

  test.each<[string, CallbackRequest, number, string]>([
    ['another verb', post(good, { verb: 'PUT' }), 405, 'method'],
    ['HEAD', check(seal('42'), { verb: 'HEAD' }), 405, 'method'],
    ['a verb in small letters', post(good, { verb: 'post' }), 405, 'method'],
    ['an unknown id', post(good, { party: undefined }), 404, 'unknown-party'],
    ['a body over 64 KB', post(good, { body: Buffer.alloc(65_537, 'x') }), 413, 'too-big'],
    ['an empty body', post(good, { body: Buffer.alloc(0) }), 403, 'xml'],
    ['a body without Encrypt', post({ ...good, body: '<xml><A>1</A></xml>' }), 403, 'malformed'],
    ['a DTD', post({ ...good, body: `<!DOCTYPE xml>${good.body}` }), 403, 'xml'],
    ['an entity bomb', post({ ...good, body: '<!DOCTYPE x [<!ENTITY a "aa">]><xml/>' }), 403, 'xml'],
    ['a DTD inside', post(seal(`<!DOCTYPE xml>${finished()}`)), 403, 'xml'],
    ['no XML inside', post(seal('42')), 403, 'xml'],
    ['no query', post(good, { query: {} }), 403, 'malformed'],
    ['a nonce twice', post(good, { query: { ...good.query, nonce: ['n0nce123', 'x'] } }), 403, 'malformed'],
    ['a check without echostr', { ...check(good), query: good.query }, 403, 'malformed'],
    ['a message without a type', post(seal(`<xml><CreateTime>${nowS}</CreateTime></xml>`)), 403, 'malformed'],
    ['an event without a time', post(seal(noTime)), 403, 'malformed'],
    ['an event with a crooked time', post(seal(finished('j', '1e9'))), 403, 'malformed'],
    ['an event without a job', post(seal(finished(''))), 403, 'malformed'],
    ['a job with blanks', post(seal(finished('a b'))), 403, 'malformed'],
    ['a ticket that is too long', post(seal(ticket('x'.repeat(513)), toSuite), suiteParty), 403, 'malformed'],
  ])('%s is refused, without a word', async (_, request, status, reason) => {
    const { receive, told, errors } = desk()
    const answer = await receive(request)
    expect(outside(answer)).toEqual({ ...forbidden, status })
    expect(answer).toMatchObject({ outcome: 'refused', reason })
    expect([told, errors]).toEqual([[], []])
  })
})

describe('K04: a replay', () => {
  test('of the same delivery is acknowledged and does nothing', async () => {
    const { receive, told } = desk()
    const first = await receive(post(seal(ticket(), { ...toSuite, random: 'r'.repeat(16) }), suiteParty))
    const again = await receive(post(seal(ticket(), { ...toSuite, random: 'r'.repeat(16) }), suiteParty))
    expect(first.outcome).toBe('accepted')
    expect(again.outcome).toBe('replayed')
    expect(outside(again)).toEqual(outside(first))
    expect(told).toHaveLength(1)
  })

  test('is another delivery at another party', async () => {
    const { receive, told } = desk()
    const delivery = seal(finished())
    await receive(post(delivery))
    await receive(post(delivery, { party: { ...at.appParty, id: 'second' } }))
    expect(told.map(([, party]) => party)).toEqual(['sales', 'second'])
  })

  test('after 11 minutes is refused', async () => {
    const { receive, told, clock } = desk()
    const delivery = post(seal(finished()))
    await receive(delivery)
    await clock.advance(9 * 60_000)
    expect((await receive(delivery)).outcome).toBe('replayed')
    await clock.advance(2 * 60_000)
    const answer = await receive(delivery)
    expect(outside(answer)).toEqual(forbidden)
    expect(answer.reason).toBe('stale')
    expect(told).toHaveLength(1)
  })

  test.each([-601, 601])('signed anew with a CreateTime %i s from now is refused', async offS => {
    const { receive, told } = desk()
    for (const request of [
      post(seal(finished('j', nowS + offS))),
      post(seal(finished('j', `${nowS + offS}000`))),
      post(seal(ticket('t', nowS + offS), toSuite), suiteParty),
    ]) {
      const answer = await receive(request)
      expect(outside(answer)).toEqual(forbidden)
      expect(answer.reason).toBe('stale')
    }
    expect(told).toEqual([])
  })
})

describe('K08: a sink that is slow or fails', () => {
  const never = () => new Promise<never>(() => {})

  test.each([
    ['seen', { seen: never }],
    ['store', { jobFinished: never }],
    ['remember', { remember: never }],
  ])('%s hangs: 500 after the deadline, before the platform hangs up', async (_, change) => {
    const { receive, clock, errors } = desk(change)
    const answer = receive(post(seal(finished())))
    await clock.advance(2999)
    expect(await Promise.race([answer, 'not yet'])).toBe('not yet')
    await clock.advance(1)
    expect(await answer).toEqual({ status: 500, body: '', event: 'job-finished', outcome: 'failed' })
    expect(errors).toEqual([expect.any(Fault)])
    expect(clock.sleepers()).toBe(0)
  })

  test('work that ends late is remembered, so that the repeat finds it done', async () => {
    const { promise: stored, resolve } = Promise.withResolvers<void>()
    let calls = 0
    const jobFinished = () => {
      calls += 1
      return stored
    }
    const { receive, clock } = desk({ jobFinished })
    const first = receive(post(seal(finished(), { random: 'r'.repeat(16) })))
    await clock.advance(4000)
    expect((await first).status).toBe(500)
    resolve()
    await clock.advance(1)
    const again = await receive(post(seal(finished(), { random: 'r'.repeat(16) })))
    expect(again).toMatchObject({ status: 200, outcome: 'replayed' })
    expect(calls).toBe(1)
  })

  test('work that fails late is reported and harms nobody', async () => {
    const { promise: stored, reject } = Promise.withResolvers<void>()
    const { receive, clock, errors } = desk({ jobFinished: () => stored })
    const answer = receive(post(seal(finished())))
    await clock.advance(3000)
    await answer
    const lost = new Error('connection lost')
    reject(lost)
    await clock.advance(1)
    expect(errors).toEqual([expect.any(Fault), lost])
  })

  test.each([
    'seen',
    'jobFinished',
    'remember',
  ] as const)('%s rejects: 500, and the repeat does it again', async name => {
    const down = new Error('Redis is away')
    let isDown = true
    const { receive, errors, clock } = desk({
      [name]: async () => {
        if (isDown) throw down
        return false
      },
    })
    const delivery = post(seal(finished()))
    expect(await receive(delivery)).toEqual({
      status: 500,
      body: '',
      event: 'job-finished',
      outcome: 'failed',
    })
    expect(errors).toEqual([down])
    expect(clock.sleepers()).toBe(0)
    isDown = false
    expect((await receive(delivery)).outcome).toBe('accepted')
  })

  test('a party that throws is a failure, not a crash', async () => {
    const broken = new Error('no list of tenants')
    const serves = () => {
      throw broken
    }
    const { receive, errors } = desk()
    const answer = await receive(post(seal(finished()), { party: { ...at.appParty, serves } }))
    expect(answer).toEqual({ status: 500, body: '', event: 'none', outcome: 'failed' })
    expect(errors).toEqual([broken])
  })

  test('an event that nobody waits for needs no sink at all', async () => {
    const { receive } = desk({ seen: never, remember: never })
    const message = `<xml><CreateTime>${nowS}</CreateTime><MsgType>text</MsgType></xml>`
    expect((await receive(post(seal(message)))).outcome).toBe('accepted')
  })

  test('the deadline may be set, and nobody has to listen for errors', async () => {
    const { clock } = desk()
    const sink = { seen: never, remember: never, jobFinished: never, suiteTicket: never, media: never }
    const answer = createReceiver({ sink, clock, deadlineMs: 50 })(post(seal(finished())))
    await clock.advance(50)
    expect((await answer).status).toBe(500)
  })
})
