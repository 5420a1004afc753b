/** The callbacks of a deployment: known vectors through our receiver, the keys of each app and suite, a suite's tickets. */

import { randomBytes } from 'node:crypto'
import { partiesOf } from '../../app/callbacks.ts'
import { createReceiver, type Party, type Sink } from '../../callback/index.ts'
import { type Clock, systemClock } from '../../clock.ts'
import type { Config } from '../../config.ts'
import { Fault } from '../../fault.ts'
import { keepSecret } from '../../log.ts'
import { encryptCallback, signCallback } from '../../simulator/index.ts'
import type { Stores } from './clients.ts'
import { type Finding, finding, skipped } from './finding.ts'
import { checkVector, deliveryVector, vectorAtMs, vectorEcho, vectorJobId } from './vectors.ts'

/** Our receiver, which tells of finished jobs here and writes nothing down. */
function receiverAt(clock: Clock) {
  const heard: string[] = []
  const nothing = async (): Promise<void> => {}
  const sink: Sink = {
    seen: async () => false,
    remember: nothing,
    jobFinished: async (_party, _corpId, jobId) => void heard.push(jobId),
    suiteTicket: nothing,
    media: nothing,
  }
  return { receive: createReceiver({ sink, clock }), heard }
}

/** A URL check and an event that others signed and encrypted. */
export const checkVectors = (): Promise<Finding> =>
  finding('callback vectors', async () => {
    const { receive, heard } = receiverAt({ ...systemClock, nowMs: () => vectorAtMs })
    const check = await receive(checkVector)
    await receive(deliveryVector)
    if (check.body !== vectorEcho || heard[0] !== vectorJobId)
      throw new Fault(
        'config',
        'known callbacks are not read rightly: check the build of this Node and its OpenSSL',
      )
    return 'a URL check and an event are read as the platform wrote them'
  })

type Parties = Pick<Config, 'apps' | 'suites'>

/** The keys of one app or suite: of the right form, and they open what is sealed with them. */
export async function checkKeys(what: string, id: string, { apps, suites }: Parties): Promise<Finding> {
  const party = suites[id] ?? apps[id]
  const callback = party && 'callback' in party ? party.callback : undefined
  if (!callback) return skipped(what, 'none is configured')
  for (const secret of [callback.token, callback.aesKey]) keepSecret(secret)
  return finding(what, async () => {
    const party = partiesOf({ apps: only(id, apps), suites: only(id, suites) } as Config).get(id)
    if (!party) throw new Fault('config', 'it is not called back')
    const { body } = await receiverAt(systemClock).receive(sealed(party, callback))
    if (body !== vectorEcho) throw new Fault('config', 'its keys do not open what they have sealed')
    return `its keys are well-formed; its URL ends in /callback/${id}`
  })
}

/** Whether the platform's last ticket for a suite is here: without one no company of it gets a token. */
export async function checkTicket(id: string, { suites }: Parties, stores: Stores): Promise<Finding> {
  const what = `suite ${id}: ticket`
  const { suiteId = '' } = suites[id] ?? {}
  if (!stores.areShared) return skipped(what, 'tickets live in Redis')
  return finding(what, async () => {
    if ((await stores.tickets.newest(suiteId)) !== undefined) return 'there is one of the last 30 minutes'
    throw new Fault(
      'unavailable',
      'none came in the last 30 minutes: the platform pushes one every 10 to the command callback; is its URL right, and a worker running?',
    )
  })
}

/** What is wrong with others is told of them. */
const only = <T>(id: string, all: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(([each]) => each === id))

/** A URL check as the console sends it. */
function sealed(party: Party, { token, aesKey }: { readonly token: string; readonly aesKey: string }) {
  const [receiveId = ''] = party.verifiedAs
  const timestamp = String(Math.floor(systemClock.nowMs() / 1_000))
  const nonce = randomBytes(8).toString('hex')
  const echostr = encryptCallback(aesKey, vectorEcho, receiveId, randomBytes(16))
  const query = { timestamp, nonce, echostr, msg_signature: signCallback(token, timestamp, nonce, echostr) }
  return { verb: 'GET', party, query, body: Buffer.alloc(0) }
}
