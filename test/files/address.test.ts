/** S03: the classifier against another one, against the registries, and against every spelling of the same number. */

import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { addressRule } from '../../src/files/address.ts'
import { kindOf } from './kind-of.ts'

const isPublic = addressRule()

const ipv4 = (number: number): string =>
  [24, 16, 8, 0].map(shift => Math.floor(number / 2 ** shift) % 256).join('.')
const ipv6 = (groups: readonly number[]): string => groups.map(group => group.toString(16)).join(':')

const inNet = (address: string, ...nets: readonly string[]): boolean => {
  const parsed = ipaddr.parse(address)
  return nets.some(net => {
    const [base, bits] = ipaddr.parseCIDR(net)
    return base.kind() === parsed.kind() && parsed.match([base, bits])
  })
}

/** Where we refuse what ipaddr.js calls unicast, and why. */
const stricter: readonly [reason: string, covers: (address: string) => boolean][] = [
  ['a host agent of Azure', address => address === '168.63.129.16'],
  ['protocol assignments, RFC 2928', address => inNet(address, '2001::/23')],
  ['documentation, RFC 9637', address => inNet(address, '3fff::/20')],
  ['not assigned to the public', address => address.includes(':') && !inNet(address, '2000::/3')],
]

const agrees = (address: string): void => {
  const range = ipaddr.parse(address).range()
  if (isPublic(address)) expect([address, range]).toEqual([address, 'unicast'])
  else if (range === 'unicast')
    expect([address, stricter.some(([, covers]) => covers(address))]).toEqual([address, true])
}

const interesting4 = [
  ...['0.0.0.0', '9.255.255.255', '10.0.0.0', '100.63.255.255', '100.64.0.0', '126.255.255.255', '127.0.0.0'],
  ...[
    '169.254.0.0',
    '172.15.255.255',
    '172.16.0.0',
    '172.31.255.255',
    '192.0.0.0',
    '192.0.2.0',
    '192.88.99.0',
  ],
  ...['192.167.255.255', '192.168.0.0', '198.17.255.255', '198.18.0.0', '198.51.100.0', '203.0.113.0'],
  ...['223.255.255.255', '224.0.0.0', '239.255.255.255', '240.0.0.0', '255.255.255.255'],
].map(address =>
  ipaddr.IPv4.parse(address)
    .toByteArray()
    .reduce((sum, byte) => sum * 256 + byte, 0),
)

const near4 = fc
  .tuple(fc.constantFrom(...interesting4), fc.integer({ min: -600, max: 600 }))
  .map(([number, offset]) => Math.min(2 ** 32 - 1, Math.max(0, number + offset)))
const anyIpv4 = fc.oneof(fc.nat(2 ** 32 - 1), near4).map(ipv4)

const group = fc.nat(0xffff)
const firstGroups = fc.constantFrom(
  ...[
    [0x2000],
    [0x2001],
    [0x2001, 0xdb8],
    [0x2001, 0x200],
    [0x2001, 0x1ff],
    [0x2002],
    [0x2400],
    [0x2620, 0x4f],
  ],
  ...[[0x3fff], [0x3fff, 0x1000], [0x3ffe], [0x4000], [0x1fff], [0x64, 0xff9b], [0x100], [0xfc00], [0xfe80]],
  ...[[0xff02], [0x5f00], [0, 0, 0, 0, 0, 0xffff], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0xffff, 0]],
)
const groups = fc
  .tuple(fc.oneof(firstGroups, fc.constant([])), fc.array(group, { minLength: 8, maxLength: 8 }))
  .map(([first, rest]) => [...first, ...rest].slice(0, 8))

describe('S03: an address is public only if others say so too', () => {
  test('IPv4, everywhere and at the edges', () => {
    fc.assert(fc.property(anyIpv4, agrees), { numRuns: 5_000 })
  })

  test('IPv6, everywhere and in special blocks', () => {
    fc.assert(
      fc.property(groups, parts => agrees(ipv6(parts))),
      { numRuns: 5_000 },
    )
  })

  test('an IPv6 address with an IPv4 address inside is never public, whatever is inside', () => {
    fc.assert(
      fc.property(anyIpv4, address => {
        const hex = ipv6(ipaddr.IPv4.parse(address).toIPv4MappedAddress().parts.slice(6))
        for (const around of [
          ...['::ffff:@', '::@', '::ffff:0:@', '64:ff9b::@', '64:ff9b:1::@', '2002:@::', '2001:0:@::1'],
          '2001::@',
        ])
          expect([around, isPublic(around.replace('@', hex))]).toEqual([around, false])
      }),
      { numRuns: 200 },
    )
  })

  test('every spelling of a number has one answer', () => {
    fc.assert(
      fc.property(groups, parts => {
        const parsed = new ipaddr.IPv6(parts)
        const [a = 0, b = 0] = parts.slice(6)
        const dotted = `${ipv6(parts.slice(0, 6))}:${ipv4(a * 65_536 + b)}`
        const spellings = [
          parsed.toNormalizedString(),
          parsed.toString(),
          parts.map(part => part.toString(16).padStart(4, '0')).join(':'),
          dotted,
        ]
        const answers = [...spellings, ...spellings.map(text => text.toUpperCase())].map(isPublic)
        expect(new Set(answers).size).toBe(1)
      }),
      { numRuns: 1_000 },
    )
  })
})

/** First and last of each block, and its neighbours where they are public: RFC 6890 and the registries of IANA. */
test.each([
  ['0.0.0.0', '0.255.255.255', undefined, '1.0.0.0'],
  ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.31.196.0', '192.31.196.255', '192.31.195.255', '192.31.197.0'],
  ['192.52.193.0', '192.52.193.255', '192.52.192.255', '192.52.194.0'],
  ['192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['192.175.48.0', '192.175.48.255', '192.175.47.255', '192.175.49.0'],
  ['198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['168.63.129.16', '168.63.129.16', '168.63.129.15', '168.63.129.17'],
  ['224.0.0.0', '255.255.255.255', '223.255.255.255', undefined],
  ['::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', undefined, '2000::'],
  ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '2000:ffff::1', '2001:200::'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff::', '2001:db9::'],
  ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:ffff::', '2003::'],
  ['2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff', '2620:4f:7fff::', '2620:4f:8001::'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff::', '3fff:1000::'],
  ['4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:ffff::', undefined],
])('%s to %s is refused, its neighbours are not', (first, last, before, after) => {
  expect([isPublic(first), isPublic(last)]).toEqual([false, false])
  for (const neighbour of [before, after]) if (neighbour !== undefined) expect(isPublic(neighbour)).toBe(true)
})

test.each([
  '',
  ' ',
  'localhost',
  '127.1',
  '8.8.8',
  '8.8.8.8 ',
  '08.8.8.8',
  '2130706433',
  '2a00::1%eth0',
  '[2a00::1]',
  '8.8.8.8/32',
])('what is no plain address is not public: %j', text => {
  expect(isPublic(text)).toBe(false)
})

describe('allowed networks', () => {
  test('open what they contain and nothing else', () => {
    const rule = addressRule(['10.1.0.0/16', '127.0.0.1', 'fd12::/16'])
    expect(['10.1.2.3', '127.0.0.1', 'fd12::9', '8.8.8.8', '2a00::1'].filter(rule)).toHaveLength(5)
    expect(['10.2.0.0', '127.0.0.2', 'fd13::9', '::1', '169.254.169.254'].filter(rule)).toEqual([])
  })

  test('of one family leave the other closed', () => {
    const rule = addressRule(['::/0'])
    expect([rule('::1'), rule('127.0.0.1'), rule('10.0.0.1')]).toEqual([true, false, false])
    expect(addressRule(['127.0.0.0/8'])('::ffff:127.0.0.1')).toBe(false)
  })

  test.each([
    '',
    'x',
    '10.0.0.0/33',
    '10.0.0/8',
    'fd00::/129',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'fe80::%eth0/64',
    'localhost',
  ])('a network that is none is a mistake of the configuration: %j', async net => {
    expect(await kindOf(async () => addressRule([net]))).toBe('config')
  })
})
