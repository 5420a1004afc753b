/** A credential that nobody reads would be a run against the real platform that never was. */

import { expect, test } from 'vitest'
import { knownVariables } from './platform.ts'

test('every WECOM_CONTRACT_ variable of the environment is one that the suite knows', () => {
  const given = Object.keys(process.env).filter(name => name.startsWith('WECOM_CONTRACT_'))
  expect(given.filter(name => !knownVariables.includes(name))).toEqual([])
})
