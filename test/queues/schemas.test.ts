/** The published schemas say what the code says. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { jobSchemas } from '../../src/commands/schemas.ts'

const folder = join(import.meta.dirname, '../../schemas')

test('schemas/ holds the schema of every payload and result, as the code has them now', async () => {
  const files = await readdir(folder)
  const published = await Promise.all(
    files.map(async file => [
      file.replace(/\.json$/, ''),
      JSON.parse(await readFile(join(folder, file), 'utf8')),
    ]),
  )
  expect(Object.fromEntries(published), 'run `npm run schemas`').toEqual(jobSchemas())
})

test('secrets and bytes have no place in a payload', () => {
  const payloads = Object.entries(jobSchemas()).filter(([name]) => name.endsWith('.payload'))
  for (const [name, schema] of payloads) {
    expect(schema, name).toMatchObject({ additionalProperties: false })
    expect(JSON.stringify(schema), name).not.toMatch(/secret|token|base64/i)
  }
})
