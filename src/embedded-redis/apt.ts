/** Installs redis-server with apt, as root on Debian and its children. It must not leave Debian's own service running. */

import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'

/**
 * 101 of policy-rc.d is Debian's way to say "do not start it" (Debian Policy §9.3.3.1, invoke-rc.d(8)).
 * A policy that is there already stays. The service is disabled as well, or it would start with the next boot.
 */
const script = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f '$policy EXIT INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' >$policy
  chmod 755 $policy
fi
apt-get update -q
apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 redis-server
! command -v systemctl >/dev/null || systemctl disable --quiet redis-server || true
`

export const canInstall = async (): Promise<boolean> => {
  if (process.getuid?.() !== 0) return false
  const signs = ['/etc/debian_version', '/usr/bin/apt-get']
  return Promise.all(signs.map(sign => access(sign))).then(
    () => true,
    () => false,
  )
}

/** Resolves to whether it worked. apt's words go to stderr, since stdout may be somebody's JSON. */
export const install = (): Promise<boolean> =>
  new Promise(resolve => {
    const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 2, 2] })
    child.once('error', () => resolve(false))
    child.once('close', code => resolve(code === 0))
  })
