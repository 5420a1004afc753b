/** Their rules and ours: two readings of one manual, compared. Ours must be at least as strict as theirs. */

import { expect, test } from 'vitest'
import { defaultSliceBytes } from '../../src/files/slices.ts'
import * as theirs from '../../src/simulator/rules.ts'
import { errcodes } from '../../src/wecom/errcodes.ts'
import { mediaTypes, minBytes } from '../../src/wecom/media-types.ts'
import { mediaLifeMs } from '../../src/wecom/platform.ts'

test('the types are the same, and none of ours takes more than theirs', () => {
  expect(Object.keys(mediaTypes).toSorted()).toEqual(Object.keys(theirs.mediaTypes).toSorted())
  for (const [type, { maxBytes }] of Object.entries(mediaTypes)) {
    expect(maxBytes, type).toBeLessThanOrEqual(theirs.mediaTypes[type as theirs.MediaType].maxBytes)
  }
  expect(minBytes).toBeGreaterThanOrEqual(theirs.minMediaBytes)
  expect(mediaTypes.voice.maxSeconds * 1000).toBeLessThanOrEqual(theirs.maxVoiceMs)
})

test('a media_id dies with us no later than with them', () => {
  expect(mediaLifeMs).toBeLessThanOrEqual(theirs.mediaLifetimeMs)
})

test('slices are small enough and aligned', () => {
  expect(defaultSliceBytes).toBeLessThanOrEqual(theirs.maxGetBytes)
  expect(defaultSliceBytes % theirs.encryptedBlockBytes).toBe(0)
})

test('every code that they may answer stands in our table', () => {
  const codes = [...Object.keys(theirs.texts).map(Number), ...Object.values(theirs.refusalCodes)]
  const unknown = codes.filter(code => code !== 0 && !Object.hasOwn(errcodes, code))
  expect(unknown).toEqual([])
})

test('a body that they refuse for good is never repeated by us', () => {
  const permanent = ['rejected', 'invalid', 'too-big', 'wrong-type', 'gone']
  for (const [name, code] of Object.entries(theirs.refusalCodes))
    expect(permanent, `${name} ${code}`).toContain(errcodes[code]?.kind)
})
