/** Takes the body of an upload, to its last byte even when nothing in it fits: the answer comes after all of it. */

import type { Call } from './call.ts'
import { MalformedMultipart, type Part, readParts } from './multipart.ts'
import { refusalFor } from './refusal.ts'
import type { Spool } from './spool.ts'

/** A part with a file name; the others are ordinary form fields. */
export type NamedPart = Part & { readonly filename: string }

/** An upload without Content-Length, which the platform's front end does not take. */
export const lacksLength = ({ state, request }: Call): boolean =>
  state.settings.switches.requireContentLength && request.headers['content-length'] === undefined

/** The first part that has a file name and is wanted goes to the spool; throws 44001 without one. */
export async function receive(
  call: Call,
  boundary: string,
  spool: Spool,
  isWanted: (part: NamedPart) => boolean = () => true,
): Promise<NamedPart> {
  let wanted: NamedPart | undefined
  try {
    for await (const part of readParts(call.body, boundary)) {
      if (wanted || !isNamed(part) || !isWanted(part)) continue
      wanted = part
      for await (const chunk of part.body) await spool.write(chunk)
    }
  } catch (error) {
    if (!(error instanceof MalformedMultipart)) throw error
    wanted = undefined
  }
  await call.drain()
  if (!wanted) throw refusalFor('media-missing', call.state.settings.switches)
  return wanted
}

const isNamed = (part: Part): part is NamedPart => Boolean(part.filename)
