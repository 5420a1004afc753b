/** Sends an answer, with whatever the script does to it on the way. */

import { systemClock } from '../clock.ts'
import { type Call, ConnectionCut } from './call.ts'
import type { Cut } from './faults.ts'
import { emptyBody, invalidJson, type Reply, wrongContentRange } from './replies.ts'

/** Sends the whole answer; throws `ConnectionCut` where the script ends the connection, and when the client has gone. */
export async function send(call: Call, decided: Reply): Promise<void> {
  const reply = spoiled(call, decided)
  noteReply(call, reply)
  if (call.act('hold', 'answer')) await call.hold()
  const drop = call.act('drop-reply')
  if (drop) throw new ConnectionCut(drop.how ?? 'reset')
  await stall(call, 'head')
  await write(call, reply, breaksOf(call, reply))
}

/** Sends an answer as it is: no fault meets it any more. */
export async function sendPlain(call: Call, reply: Reply): Promise<void> {
  noteReply(call, reply)
  await write(call, reply, {})
}

function noteReply(call: Call, { status, errcode }: Reply): void {
  call.note(errcode === undefined ? { status } : { status, errcode })
}

function spoiled(call: Call, reply: Reply): Reply {
  if (call.act('empty-body')) return emptyBody(reply)
  const invalid = call.act('invalid-json')
  if (invalid) return invalidJson(reply, invalid)
  const wrong = call.act('wrong-content-range')
  return wrong ? wrongContentRange(reply, wrong) : reply
}

/** Positions in the answer's body at which something happens. */
interface Breaks {
  readonly stallAt?: number | undefined
  readonly cut?: { readonly at: number; readonly how: Cut } | undefined
}

function breaksOf(call: Call, { sizeBytes }: Reply): Breaks {
  const half = Math.floor(sizeBytes / 2)
  const cut = call.act('cut-response')
  const cutAt = call.act('half-body') ? half : cut && Math.min(cut.afterBytes ?? 0, sizeBytes)
  return {
    stallAt: call.act('stall', 'body') && half,
    cut: cutAt === undefined ? undefined : { at: cutAt, how: cut?.how ?? 'close' },
  }
}

async function write(call: Call, reply: Reply, { stallAt, cut }: Breaks): Promise<void> {
  const { response, entry } = call
  const pass = async (): Promise<void> => {
    if (entry.bytesOut === stallAt) await stall(call, 'body')
    if (entry.bytesOut !== cut?.at) return
    await flush(call)
    throw new ConnectionCut(cut.how)
  }
  const endIfLast = (): void => {
    if (entry.bytesOut === reply.sizeBytes && !cut) call.done()
  }
  response.writeHead(reply.status, { Server: 'nginx', ...reply.headers, 'Content-Length': reply.sizeBytes })
  endIfLast()
  // Not flushHeaders: that writes the head as UTF-8 and so encodes the raw bytes of a file name twice.
  response.write(Buffer.alloc(0))
  await pass()
  for await (const chunk of splitAt(reply.body, [stallAt, cut?.at])) {
    call.note({ bytesOut: entry.bytesOut + chunk.length })
    endIfLast()
    if (!response.write(chunk)) await drained(call)
    await pass()
  }
  response.end()
}

/** The same bytes, with chunks that end at each of the positions. */
async function* splitAt(
  chunks: Reply['body'],
  positions: readonly (number | undefined)[],
): AsyncGenerator<Buffer> {
  let at = 0
  for await (const chunk of chunks) {
    const inside = positions.filter(position => position !== undefined).map(position => position - at)
    const edges = inside.filter(edge => edge > 0 && edge < chunk.length).sort((a, b) => a - b)
    let from = 0
    for (const edge of [...edges, chunk.length]) {
      if (edge > from) yield chunk.subarray(from, edge)
      from = edge
    }
    at += chunk.length
  }
}

/** For as long as the act says, or until the connection ends. */
async function stall(call: Call, at: 'head' | 'body'): Promise<void> {
  const act = call.act('stall', at)
  if (!act) return
  if (act.ms !== undefined) await systemClock.sleep(act.ms, call.signal)
  else await untilEvent(call, 'close')
}

const drained = (call: Call): Promise<void> => untilEvent(call, 'drain')

async function untilEvent({ response, signal }: Call, event: 'drain' | 'close'): Promise<void> {
  const happened = Promise.withResolvers<void>()
  const stop = (): void => happened.reject(signal.reason)
  response.once(event, happened.resolve)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    await happened.promise
  } finally {
    response.off(event, happened.resolve)
    signal.removeEventListener('abort', stop)
  }
}

/** Until all that was written is with the operating system. */
async function flush({ response }: Call): Promise<void> {
  const { socket } = response
  if (!socket || socket.destroyed) return
  const written = Promise.withResolvers<void>()
  socket.write('', () => written.resolve())
  await written.promise
}
