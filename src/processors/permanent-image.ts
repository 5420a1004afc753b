/**
 * media.upload-image: an image becomes a URL for ever. Each call costs a unit of the company's quota, which is gone for
 * a day or a month: a unit is reserved before the call, used again as long as it was never sent, kept when nobody knows.
 */

import { Fault } from '../fault.ts'
import { openSource } from '../files/file.ts'
import { checkName, inspect } from '../files/inspect.ts'
import type { Payload } from '../queues/jobs.ts'
import { formatsOf, maxNameBytes, permanentImage as rules } from '../wecom/media-types.ts'
import type { JobContext, Processor, Resources } from './context.ts'
import { counting } from './counting.ts'
import { done, type Outcome, stop } from './outcome.ts'

export const permanentImage: Processor<'media.upload-image'> = async (payload, context, resources) => {
  const { app, onUnknown } = payload
  const client = resources.client(app)
  if (context.attempt.wasUnknown && onUnknown === 'hold') return stop(held())
  const source = await openSource(payload.source, { roots: resources.roots })
  try {
    const name = payload.name ?? source.name
    checkName(name, maxNameBytes)
    const { minBytes, maxBytes } = rules
    await inspect(source, {
      type: 'permanent image',
      minBytesExclusive: minBytes - 1,
      maxBytes,
      formats: formatsOf('image'),
    })
    const { sizeBytes } = source
    const image = { name, sizeBytes, open: counting(source, context.progress) }
    return await withUnits(payload, context, resources, async writing => {
      const { url } = await client.uploadImage(image, writing)
      return done({ url, name, sizeBytes })
    })
  } finally {
    await source.close()
  }
}

type Writing = JobContext['writing']

async function withUnits<R>(
  { app, onUnknown }: Payload<'media.upload-image'>,
  { id, attempt, writing }: JobContext,
  { units }: Resources,
  call: (writing: Writing) => Promise<Outcome<R>>,
): Promise<Outcome<R>> {
  // Each call that may have been counted has its own unit, and the next call another.
  const unit = (): string => `${id}:${attempt.units}`
  // Before the gate, so that no grant is spent on a call that can't leave; and once more for a repeat in process.
  await units.reserve(app, unit())
  const { mark } = writing
  const sent: typeof mark.sent = async grant => {
    await units.reserve(app, unit())
    await mark.sent(grant)
  }
  try {
    return await call({ ...writing, mark: { sent, refused: fault => mark.refused(fault) } })
  } catch (error) {
    // A unit that leaks is the safe side; the caller needs the first fault.
    if (!attempt.isSpeaking) await units.giveBack(app, unit()).catch(() => undefined)
    else if (onUnknown === 'hold' && error instanceof Fault && error.kind === 'unknown')
      return stop(held(error))
    throw error
  }
}

const held = (cause?: Fault): Fault =>
  new Fault(
    'unknown',
    'nobody knows whether the platform took the image: look for it there, then ask for the job again if it did not (onUnknown: hold)',
    { cause },
  )
