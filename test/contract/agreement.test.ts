/** Their rules and ours: two readings of one manual, compared. Ours must be at least as strict as theirs. */

import { expect, test } from 'vitest'
import { speexMilliseconds } from '../../src/files/ogg-speex.ts'
import { defaultSliceBytes } from '../../src/files/slices.ts'
import { defaultRules } from '../../src/limits/rules.ts'
import { waitBeforeLook } from '../../src/processors/async-submission.ts'
import { defaultLimits } from '../../src/simulator/limits/settings.ts'
import { routes } from '../../src/simulator/routes/index.ts'
import * as theirs from '../../src/simulator/rules.ts'
import { errcodes } from '../../src/wecom/errcodes.ts'
import {
  asyncMedia,
  attachments,
  cashierAttachmentType,
  mediaTypes,
  minBytes,
  permanentImage,
} from '../../src/wecom/media-types.ts'
import { methods } from '../../src/wecom/methods.ts'
import { mediaLifeMs } from '../../src/wecom/platform.ts'
import { memoryTicketStore } from '../../src/wecom/ticket-store.ts'
import { manualClock } from '../wecom/manual-clock.ts'

test('the methods are the same, and are asked by the same verbs', () => {
  const verbsOf = (table: object, verb: string) =>
    Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row[verb]]))
  expect(verbsOf(methods, 'http')).toEqual(verbsOf(routes, 'verb'))
})

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
  const codes = [
    ...Object.keys(theirs.texts).map(Number),
    ...Object.values(theirs.refusalCodes),
    ...Object.values(theirs.credentialCodes),
    ...Object.values(theirs.jobFailures),
    ...Object.values(theirs.tokenCodes).flatMap(row => Object.values(row)),
  ]
  const unknown = codes.filter(code => code !== 0 && !Object.hasOwn(errcodes, code))
  expect(unknown).toEqual([])
})

test('a body that they refuse for good is never repeated by us', () => {
  const permanent = ['rejected', 'invalid', 'too-big', 'wrong-type', 'gone']
  for (const [name, code] of Object.entries(theirs.refusalCodes))
    expect(permanent, `${name} ${code}`).toContain(errcodes[code]?.kind)
})

test('a permanent image of ours is one of theirs', () => {
  expect(permanentImage.minBytes).toBeGreaterThanOrEqual(theirs.permanentImage.minBytes)
  expect(permanentImage.maxBytes).toBeLessThanOrEqual(theirs.permanentImage.maxBytes)
})

test('the asynchronous way takes the same types, and no field of ours is longer than theirs may be', () => {
  expect(asyncMedia.types.toSorted()).toEqual(theirs.asyncUpload.types.toSorted())
  expect(asyncMedia.minBytes).toBeGreaterThanOrEqual(theirs.asyncUpload.minBytes)
  expect(asyncMedia.maxBytes).toBeLessThanOrEqual(theirs.asyncUpload.maxBytes)
  expect(asyncMedia.nameMaxBytes).toBeLessThanOrEqual(theirs.asyncUpload.maxFilenameBytes)
  expect(asyncMedia.urlMaxBytes).toBeLessThanOrEqual(theirs.asyncUpload.maxUrlBytes)
  expect(asyncMedia.jobIdMaxBytes).toBeLessThanOrEqual(theirs.maxJobIdBytes)
  expect(asyncMedia.jobLifeMs).toBeLessThanOrEqual(theirs.jobLifetimeMs)
})

test('a job is looked at many times before its jobid is forgotten', () => {
  let looks = 0
  for (let atMs = 0; atMs < theirs.jobLifetimeMs; atMs += waitBeforeLook(atMs, 0)) looks += 1
  expect(looks).toBeGreaterThan(20)
})

test('an attachment goes to the same scene with the same types', () => {
  const ours = Object.values(attachments).map(({ attachmentType, types }) => ({ attachmentType, types }))
  expect(ours).toEqual(theirs.attachmentScenes)
  expect(cashierAttachmentType).toBe(theirs.cashierAttachmentType)
})

test('a frame of HD voice has the same bytes', () => {
  expect(speexMilliseconds(theirs.speexFrameBytes)).toBe(20)
  expect(() => speexMilliseconds(theirs.speexFrameBytes - 1)).toThrow('Speex frames')
})

test('a ticket of a suite is not used when it is too old for them', async () => {
  const clock = manualClock()
  const tickets = memoryTicketStore(clock)
  await tickets.put('suite', 'ticket', clock.nowMs())
  expect(await tickets.newest('suite')).toBe('ticket')
  await clock.advance(theirs.ticketLifetimeMs)
  expect(await tickets.newest('suite')).toBeUndefined()
})

test('a token that they call dead is asked for anew, whatever its kind', () => {
  for (const [kind, { unknown, expired }] of Object.entries(theirs.tokenCodes))
    for (const code of [unknown, expired]) expect(errcodes[code]?.kind, `${kind} ${code}`).toBe('token')
})

test('why a job failed for good is never tried again, and a failed download is', () => {
  const { download, ...forGood } = theirs.jobFailures
  expect(errcodes[download]?.kind).toBe('transient')
  for (const [name, code] of Object.entries(forGood))
    expect(['rejected', 'too-big'], name).toContain(errcodes[code]?.kind)
})

test('no rate or quota of ours allows more than theirs', () => {
  const { minute, hour, ipMinute, ipHour, imageDay, imageMonth } = defaultLimits.rules
  for (const [method, { rates }] of Object.entries(defaultRules)) {
    const pairs = [
      [rates.minute, minute],
      [rates.hour, hour],
      [rates['ip-minute'], ipMinute],
      [rates['ip-hour'], ipHour],
    ] as const
    for (const [ours, rule] of pairs) {
      expect(ours.amount, method).toBeLessThanOrEqual(rule?.calls ?? 0)
      expect([ours.windowMs, ours.scope]).toEqual([rule?.windowMs, rule?.per])
    }
  }
  const { day, month } = defaultRules['media/uploadimg'].quota
  expect([day.per, month.per]).toEqual([imageDay?.windowMs, imageMonth?.windowMs])
  expect(day.amount).toBeLessThanOrEqual(imageDay?.calls ?? 0)
  expect(month.amount).toBeLessThanOrEqual(imageMonth?.calls ?? 0)
})
