/** Which answers of Redis mean "no writes here now". Redis begins an error with a code; that word is read, never the sentence. */

/** Asking again at once only makes noise after these. Source: src/server.c and src/acl.c of Redis. */
const refusals = [
  'OOM', // maxmemory is reached
  'MISCONF', // the disk is full, snapshots fail
  'READONLY', // a replica, after a failover
  'NOREPLICAS', // min-replicas-to-write
  'MASTERDOWN', // a replica without its primary
  'CLUSTERDOWN', // the shard is away
  'LOADING', // it is reading its data, after a start
  'BUSY', // a script runs for too long
  'NOAUTH', // a password is asked for
  'WRONGPASS', // and this is not it
  'NOPERM', // the ACL of our user does not allow it
]

/** Redis before 7.0 wraps an error inside a script: "ERR Error running script (…): @user_script:1: -OOM command …". */
const refusal = new RegExp(`(?:^|\\s-)(${refusals.join('|')})\\b`)

/** Redis's own code of an error, else Node's, else its class. */
export const codeOf = (error: Error): string => {
  const code = refusal.exec(error.message)?.[1]
  if (code !== undefined) return code
  if (error.name === 'ReplyError') return error.message.split(' ', 1)[0] ?? error.name
  return 'code' in error ? String(error.code) : error.name
}

/** Whether Redis answered, but takes no writes: then a worker pauses and probes instead of asking on. */
export const isRefusal = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  // A transaction says EXECABORT and keeps the reasons aside.
  const reasons = 'previousErrors' in error && Array.isArray(error.previousErrors) ? error.previousErrors : []
  return refusal.test(error.message) || reasons.some(isRefusal)
}
