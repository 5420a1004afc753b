/** A receiver that is dead or slow, and the others beside it. The clock is set. */

import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { createSites } from '../../src/webhooks/sites.ts'
import { setClock } from '../support/set-clock.ts'

const dead = 'http://dead.example/a'
const silence = () => Promise.reject(new Fault('transient', 'silence'))
const refusal = () => Promise.reject(new Fault('forbidden-address', 'ours'))
const answer = async () => 'answer'

const stage = (places = 4) => {
  const clock = setClock()
  const sites = createSites({ clock, places, random: () => 0.5 })
  const visit = (url: string, work: () => Promise<string>, isLast = false) =>
    sites.visit(url, isLast, work).catch(error => (error.message === 'silence' ? 'silence' : error.kind))
  return { clock, sites, visit }
}

test('one that has not answered three times in a row rests, and one delivery asks after that', async () => {
  const { clock, visit } = stage()
  for (let n = 0; n < 3; n += 1) expect(await visit(dead, silence)).toBe('silence')
  expect(await visit(dead, answer)).toBe('transient')
  expect(await visit('http://well.example/', answer)).toBe('answer')
  await clock.advance(30_000)
  const [first, second] = await Promise.all([visit(dead, silence), visit(dead, answer)])
  expect([first, second]).toEqual(['silence', 'transient'])
  await clock.advance(30_000)
  expect(await visit(dead, answer)).toBe('answer')
  expect(await visit(dead, answer)).toBe('answer')
})

test('an answer in between is an answer', async () => {
  const { visit } = stage()
  for (const work of [silence, silence, answer, silence, silence]) await visit(dead, work)
  expect(await visit(dead, answer)).toBe('answer')
})

test('what our own settings refuse is not held against it', async () => {
  const { visit } = stage()
  for (let n = 0; n < 4; n += 1) expect(await visit(dead, refusal)).toBe('forbidden-address')
})

test('a last attempt is made whatever came before', async () => {
  const { visit } = stage()
  for (let n = 0; n < 3; n += 1) await visit(dead, silence)
  expect(await visit(dead, answer, true)).toBe('answer')
})

test('a slow one has its places and no more, and those that find none wait the longer the more there are', async () => {
  const { sites, visit } = stage(2)
  const { promise, resolve } = Promise.withResolvers<string>()
  const slow = [visit(dead, () => promise), visit(dead, () => promise)]
  const waits: number[] = []
  for (let n = 0; n < 200; n += 1)
    await sites.visit(dead, false, answer).catch(error => {
      expect(error.kind).toBe('limit')
      waits.push(error.waitMs)
    })
  expect(waits).toHaveLength(200)
  expect(waits.slice(0, 2)).toEqual([1_500, 2_000])
  expect(waits.at(-1)).toBe(60_000)
  expect(await visit('http://well.example/', answer)).toBe('answer')
  resolve('late')
  expect(await Promise.all(slow)).toEqual(['late', 'late'])
  expect(await visit(dead, answer)).toBe('answer')
})
