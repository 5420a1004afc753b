/** May we connect to this address? Decided on numbers, never on how it is written; what is not surely public is refused. */

import { BlockList, isIP } from 'node:net'
import { Fault } from '../fault.ts'

/** IANA's IPv4 special-purpose registry (RFC 6890 and later), multicast and the reserved rest. */
const special4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  // Azure's host agent, in a public range. Those of other clouds lie in 169.254/16, 100.64/10, 192.0.0/24 and fd00::/8.
  '168.63.129.16/32',
]

/** All that is assigned to the public; mapped, compatible, NAT64 and unique local addresses lie outside of it. */
const global6 = ['2000::/3']

/** What is no public host inside of `global6`: protocol assignments with Teredo and ORCHID, documentation, 6to4, AS112. */
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

interface Nets {
  has(address: string): boolean
}

const wrongNet = (net: string, setting: string): Fault =>
  new Fault(
    'config',
    `${JSON.stringify(net.slice(0, 80))} is not a network such as 10.1.0.0/16: correct ${setting}`,
  )

/**
 * A list per family, because a BlockList sees IPv4 addresses as mapped IPv6 ones: `::/0` would contain them all. An
 * address is looked up only after `isIP`, because a BlockList answers `false` to everything that is none.
 */
const netsOf = (nets: readonly string[], setting = ''): Nets => {
  const lists = { 4: new BlockList(), 6: new BlockList() }
  for (const net of nets) {
    const [, address = '', digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(net) ?? []
    const family = isIP(address)
    const mostBits = family === 4 ? 32 : 128
    const bits = Number(digits ?? mostBits)
    if ((family !== 4 && family !== 6) || bits > mostBits) throw wrongNet(net, setting)
    lists[family].addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    has: address => {
      const family = isIP(address)
      if (family !== 4 && family !== 6) return false
      return lists[family].check(address, family === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

const special = netsOf([...special4, ...special6])
const assigned = netsOf(['0.0.0.0/0', ...global6])

/** A zone (`fe80::1%eth0`) names an interface of this host. */
const isPublic = (address: string): boolean =>
  !address.includes('%') && assigned.has(address) && !special.has(address)

/**
 * Which addresses may be connected to: public ones, and those in `privateNets` (CIDRs, or single addresses).
 * A mapped IPv6 address is not its IPv4 address here. Throws `config` for what is no network.
 * Source: notes/reliability.md §5.1.
 */
export const addressRule = (
  privateNets: readonly string[] = [],
  setting = 'WECOM_MEDIA_URL_NETS',
): ((address: string) => boolean) => {
  const allowed = netsOf(privateNets, setting)
  return address => allowed.has(address) || isPublic(address)
}
