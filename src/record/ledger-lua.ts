/**
 * What `accept` and `keep` write into the ledger beside a result, in their own script: no result without its entry, no
 * entry without its result. What the keys and texts mean is the ledger's business.
 */

export interface LedgerWrite {
  readonly entryKey: string
  readonly leaderKey: string
  readonly followersKey: string
  /** Leads from what was issued to its entry. */
  readonly issuedKey?: string
  readonly json: string
  /** When the entry leaves by itself, ms since 1970; absent for what lives for ever. */
  readonly expiresAtMs?: number
}

/** A job that waited for these bytes. */
export interface Follower {
  readonly queue: string
  readonly jobId: string
}

/**
 * Defines `free(leader, followers)`: nobody leads any more. Marks the followers as woken, so that one that is on its way
 * to its wait notices, and answers them. Their records are named in what they left; the hash tag makes it one slot.
 */
export const freeLua = `
local function free(leader, followers)
  local waiting = redis.call('SMEMBERS', followers)
  for _, each in ipairs(waiting) do
    local record = cjson.decode(each)[3]
    if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, 'woken', '1') end
  end
  redis.call('DEL', leader, followers)
  return waiting
end
`

/** Defines `writeLedger(firstKey, firstArg)`: answers the followers, who are to be woken. */
export const ledgerLua = `${freeLua}
local function writeLedger(key, arg)
  if ARGV[arg] == '' then return {} end
  if ARGV[arg + 1] == '' then
    redis.call('SET', KEYS[key], ARGV[arg])
  else
    redis.call('SET', KEYS[key], ARGV[arg], 'PXAT', ARGV[arg + 1])
    redis.call('SET', KEYS[key + 3], KEYS[key], 'PXAT', ARGV[arg + 1])
  end
  return free(KEYS[key + 1], KEYS[key + 2])
end
`

/** Four keys and two arguments; of nothing where nothing is to be written, in the slot of `near`. */
export const ledgerKeys = (write: LedgerWrite | undefined, near: string): string[] => {
  if (!write) return [near, near, near, near]
  const { entryKey, leaderKey, followersKey, issuedKey = near } = write
  return [entryKey, leaderKey, followersKey, issuedKey]
}

export const ledgerArgs = (write: LedgerWrite | undefined): (string | number)[] =>
  write ? [write.json, write.expiresAtMs ?? ''] : ['', '']

export const followersIn = (reply: unknown): Follower[] =>
  (Array.isArray(reply) ? reply : []).map(text => {
    const [queue, jobId] = JSON.parse(String(text)) as [string, string]
    return { queue, jobId }
  })
