/** The ACL line of the documentation, as an operator would paste it. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const password = 'worker-password-of-no-value'

/** Of docs/scaling.md, for this prefix and our password. */
export async function aclLine(prefix: string): Promise<string> {
  const page = await readFile(join(import.meta.dirname, '../../docs/scaling.md'), 'utf8')
  const line = /```text acl\n(user worker on >\S+ .*)\n/.exec(page)?.[1]
  if (line === undefined) throw new Error('docs/scaling.md has no block "text acl" with a user called worker')
  return line.replace(/>\S+/, `>${password}`).replaceAll('{wecom-media}', `{${prefix}}`)
}
