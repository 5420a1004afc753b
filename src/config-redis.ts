/** Where Redis is, and who logs in there. */

import { Fault } from './fault.ts'

interface RedisSettings {
  readonly REDIS_URL?: string | undefined
  readonly REDIS_USERNAME?: string | undefined
  readonly REDIS_PASSWORD?: string | undefined
}

/** Who logs in may stand in the URL, or apart from it. */
export function redisUrlFrom({
  REDIS_URL: url,
  REDIS_USERNAME: user = '',
  REDIS_PASSWORD: password = '',
}: RedisSettings): string | undefined {
  if (user === '' && password === '') return url
  if (url === undefined)
    throw new Fault('config', 'set REDIS_URL, too: REDIS_USERNAME and REDIS_PASSWORD say who logs in there')
  const [scheme = '', rest = ''] = url.split('://', 2)
  if (/^[^/?#]*@/.test(rest))
    throw new Fault('config', 'REDIS_URL and REDIS_USERNAME or REDIS_PASSWORD say who logs in: leave one out')
  const login = [user, password].map(encodeURIComponent).join(':')
  return `${scheme}://${login}@${rest}`
}
