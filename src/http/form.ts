/** A form with one file, read as it comes: bytes go on at once, fields are few and small. */

import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Fault } from '../fault.ts'
import type { Body } from '../files/bodies.ts'

export type Fields = Readonly<Record<string, string>>

export interface Form {
  readonly fields: Fields
  readonly body: Body
  /** As the sender wrote it, without folders. */
  readonly fileName: string | undefined
}

/** Takes the bytes of the file; knows the fields that came before it. */
export type TakeFile = (stream: NodeJS.ReadableStream, fields: Fields) => Promise<Body>

const limits = { fieldNameSize: 64, fieldSize: 4_096, fields: 20, files: 1, parts: 21, headerPairs: 20 }

/** Sizes of files are ours to count. */
export const takeForms = (scope: FastifyInstance): unknown =>
  scope.register(multipart, {
    limits: { ...limits, fileSize: Number.MAX_SAFE_INTEGER },
    throwFileSizeLimit: false,
  })

/** Faults: `invalid` for a form that is broken, has no file, or a field twice; those of `take`. */
export async function formIn(request: FastifyRequest, take: TakeFile): Promise<Form> {
  const fields: Record<string, string> = {}
  let found: Omit<Form, 'fields'> | undefined
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') {
        const body = await take(part.file, fields).catch(error => {
          // Else the parser would wait for somebody to read on.
          part.file.destroy()
          throw error
        })
        found = { body, fileName: part.filename }
      } else keep(fields, part)
    }
  } catch (error) {
    await found?.body.discard()
    throw broken(error)
  }
  if (found) return { ...found, fields }
  throw new Fault('invalid', 'the form has no file: send one part with a file name')
}

function keep(
  fields: Record<string, string>,
  { fieldname, value, valueTruncated }: { fieldname: string; value: unknown; valueTruncated: boolean },
): void {
  if (valueTruncated)
    throw new Fault('too-big', `the field ${fieldname} has more than ${limits.fieldSize} bytes`)
  if (Object.hasOwn(fields, fieldname)) throw new Fault('invalid', `the field ${fieldname} comes twice`)
  fields[fieldname] = typeof value === 'string' ? value : JSON.stringify(value)
}

/** The parser's errors tell of the sender's mistakes. */
const broken = (error: unknown): unknown =>
  error instanceof Fault || (error as { statusCode?: number }).statusCode === 413
    ? error
    : new Fault('invalid', 'the form is broken or stopped before its end: send it again', { cause: error })
