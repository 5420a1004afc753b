/**
 * What `accept` writes under the name that a media_id is kept alive under, in its own script: no result without its
 * name, no name without its result. What the keys and texts mean is the ledger's business.
 */

export interface KeptWrite {
  readonly keptKey: string
  /** ZSET of names; score: when to look next. */
  readonly dueKey: string
  /** SET of the names that have this media_id. */
  readonly namesKey: string
  readonly id: string
  /** The job that took the name: one that was let go of and taken again meanwhile may be for other bytes. */
  readonly takenBy: string
  readonly mediaId: string
  readonly expiresAtMs: number
  readonly json: string
  readonly job: string
}

/**
 * Defines `writeKept(firstKey, firstArg)`. A name that has ended, or has a media_id that lives longer, keeps what it has;
 * so this may be sent twice.
 */
export const keptLua = `
local function writeKept(key, arg)
  if ARGV[arg] == '' then return end
  local name = KEYS[key]
  local old = redis.call('HMGET', name, 'takenBy', 'endedAtMs', 'mediaId', 'expiresAtMs', 'forgottenAtMs', 'job')
  if old[1] ~= ARGV[arg + 1] or old[2] then return end
  if old[6] == ARGV[arg + 5] then redis.call('HDEL', name, 'job') end
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  redis.call('ZADD', KEYS[key + 1], now, ARGV[arg])
  if old[3] == ARGV[arg + 2] or (old[4] and not old[5] and tonumber(old[4]) > tonumber(ARGV[arg + 3])) then return end
  redis.call('HSET', name, 'mediaId', ARGV[arg + 2], 'expiresAtMs', ARGV[arg + 3], 'medium', ARGV[arg + 4], 'broughtAtMs', now)
  redis.call('HINCRBY', name, 'brought', 1)
  redis.call('HDEL', name, 'fault', 'faultAtMs', 'failingSinceMs', 'tries', 'forgottenAtMs')
  redis.call('SADD', KEYS[key + 2], ARGV[arg])
  redis.call('PEXPIREAT', KEYS[key + 2], ARGV[arg + 3])
end
`

/** Three keys and six arguments; of nothing where nothing is to be written, in the slot of `near`. */
export const keptKeys = (write: KeptWrite | undefined, near: string): string[] =>
  write ? [write.keptKey, write.dueKey, write.namesKey] : [near, near, near]

export const keptArgs = (write: KeptWrite | undefined): (string | number)[] => {
  if (!write) return ['', '', '', '', '', '']
  const { id, takenBy, mediaId, expiresAtMs, json, job } = write
  return [id, takenBy, mediaId, expiresAtMs, json, job]
}
