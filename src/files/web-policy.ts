/** Which URLs may be fetched at all. A URL in a job is a stranger's wish: everything is checked before a connection is made, and again after each redirect. */

import { Fault } from '../fault.ts'
import { addressRule } from './address.ts'

export interface WebPolicy {
  /** 'off' refuses every URL; a list of host patterns ('media.example.com', '*.cdn.example.com'); 'public': every public address. */
  readonly hosts: 'off' | 'public' | readonly string[]
  /** Besides 80 and 443. */
  readonly ports?: readonly number[]
  /** CIDRs that may be connected to although they are private or loopback. */
  readonly privateNets?: readonly string[]
  /** Whose policy it is, for what a person is told to do. Default: that of sources. */
  readonly words?: PolicyWords
}

export interface PolicyWords {
  readonly off: string
  /** Names of settings. */
  readonly hosts: string
  readonly ports: string
  readonly nets: string
}

const ofSources: PolicyWords = {
  off: 'URLs are not fetched here',
  hosts: 'WECOM_MEDIA_URLS',
  ports: 'WECOM_MEDIA_URL_PORTS',
  nets: 'WECOM_MEDIA_URL_NETS',
}

export interface WebRules {
  /** The URL, if it may be fetched. Errors: `forbidden-address`, `invalid` (not a URL). */
  admit(url: string): URL
  /** The target of a redirect, if it may be followed. Errors: as `admit`. */
  follow(from: URL, location: string): URL
  permits(address: string): boolean
  /** What is told of an address that is not permitted. */
  refused(site: string): Fault
}

/** All of a URL that may be shown: its path and query can be the secret. */
export const siteOf = ({ protocol, host }: URL): string => `${protocol}//${host}`

const forbidden = (message: string): Fault => new Fault('forbidden-address', message)

const bareHost = (hostname: string): string => hostname.replace(/\.$/, '')

const wrongPattern = (pattern: string, setting: string): Fault =>
  new Fault(
    'config',
    `${JSON.stringify(pattern.slice(0, 80))} is not a host such as media.example.com or *.example.com: correct ${setting}`,
  )

/** Written as URLs write hosts: in lower case, IDN in ASCII. */
const hostMatcher = (pattern: string, setting: string): ((host: string) => boolean) => {
  const isWildcard = pattern.startsWith('*.')
  const name = isWildcard ? pattern.slice(2) : pattern
  const url = URL.parse(`http://${name}`)
  const isPlain = /^(\[[^\]]*\]|[^:[\]/?#@\\*\s]+)$/.test(name)
  if (!isPlain || url === null) throw wrongPattern(pattern, setting)
  const host = bareHost(url.hostname)
  return isWildcard ? candidate => candidate.endsWith(`.${host}`) : candidate => candidate === host
}

const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === 'https:' ? 443 : 80))

const assertPort = (port: number, setting: string): void => {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return
  throw new Fault('config', `${port} is not a port: correct ${setting}`)
}

/** Throws `config` for a pattern, port or network that is none. */
export const webRules = ({ hosts, ports = [], privateNets = [], words = ofSources }: WebPolicy): WebRules => {
  for (const port of ports) assertPort(port, words.ports)
  const openPorts = new Set([80, 443, ...ports])
  const listed = typeof hosts === 'string' ? [] : hosts.map(each => hostMatcher(each, words.hosts))

  const assertAllowed = (url: URL): void => {
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw forbidden('only http and https URLs are fetched: use one, or a path under a root')
    const site = siteOf(url)
    if (url.username !== '' || url.password !== '')
      throw forbidden(`the URL of ${site} carries a user name or password: sign the URL instead`)
    if (!openPorts.has(portOf(url)))
      throw forbidden(`${site} is on a port that is not allowed: add it to ${words.ports}`)
    if (hosts !== 'public' && !listed.some(matches => matches(bareHost(url.hostname))))
      throw forbidden(`${site} is not among the allowed hosts: add its host to ${words.hosts}`)
  }

  const admit = (text: string): URL => {
    if (hosts === 'off') throw webIsOff(words)
    const url = URL.parse(text)
    if (url === null)
      throw new Fault('invalid', 'the source is not a URL: give one such as https://host/path')
    assertAllowed(url)
    return url
  }

  const follow = (from: URL, location: string): URL => {
    const to = URL.parse(location, from.href)
    if (to === null) throw new Fault('rejected', `${siteOf(from)} redirects to something that is not a URL`)
    if (from.protocol === 'https:' && to.protocol === 'http:')
      throw forbidden(`${siteOf(from)} redirects from https to http: name a URL that stays encrypted`)
    assertAllowed(to)
    return to
  }

  const refused = (site: string): Fault =>
    forbidden(
      `${site} leads to an address that is not public: use another, or add its network to ${words.nets}`,
    )

  return { admit, follow, permits: addressRule(privateNets, words.nets), refused }
}

export const webIsOff = ({ off, hosts }: PolicyWords = ofSources): Fault =>
  forbidden(`${off}: set ${hosts} to the hosts that may be used, or to public`)
