/** A body that is JSON, its length in bytes known before it is sent. */

import type { Body } from './call.ts'

export function jsonBody(value: Readonly<Record<string, string | number>>): Body {
  const bytes = Buffer.from(JSON.stringify(value))
  async function* chunks() {
    yield bytes
  }
  return {
    contentType: 'application/json',
    lengthBytes: bytes.length,
    async open() {
      return { chunks: chunks(), close() {} }
    },
  }
}
