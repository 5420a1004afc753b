import { beforeAll, expect, test } from 'vitest'
import { defaultApp, Simulator } from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'
import { faultOf, fileOf } from './files.ts'
import { testClient } from './origin.ts'

const sim = new Simulator()
const png = (sizeBytes: number): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(sizeBytes)]).subarray(0, sizeBytes)

beforeAll(async () => {
  await sim.start()
  atEnd(() => sim.stop())
})

const client = () => testClient({ ...defaultApp, baseUrl: sim.baseUrl })
const image = (sizeBytes: number) => fileOf(png(sizeBytes), { name: '图.png' })

test('a permanent image answers the URL under which its bytes can be fetched', async () => {
  const { url } = await client().uploadImage(image(5_000))
  expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(png(5_000))
})

test('sizes that the platform refuses cost no call', async () => {
  const before = sim.log({ method: 'media/uploadimg' }).length
  expect(await faultOf(client().uploadImage(image(4)))).toMatchObject({ kind: 'invalid' })
  expect(await faultOf(client().uploadImage(image(2 * 1024 * 1024 + 1)))).toMatchObject({ kind: 'too-big' })
  expect(sim.log({ method: 'media/uploadimg' })).toHaveLength(before)
})

test('what became of an image whose answer was lost is unknown, and it is not sent again', async () => {
  const before = sim.log({ method: 'media/uploadimg' }).length
  sim.faults.add({ method: 'media/uploadimg', do: 'drop-reply' })
  expect(await faultOf(client().uploadImage(image(5_000)))).toMatchObject({ kind: 'unknown' })
  expect(sim.log({ method: 'media/uploadimg' })).toHaveLength(before + 1)
})
