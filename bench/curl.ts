/** curl, by its own clock: the time of the transfer without that of starting the program, and its CPU time. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface CurlTime {
  readonly ms: number
  readonly cpuMs: number
}

/** `TIMEFORMAT` is bash's: user and system seconds of what ran. */
async function curl(args: readonly string[]): Promise<CurlTime> {
  const script = 'TIMEFORMAT="cpu %U %S"; time curl "$@"'
  const { stdout, stderr } = await run('bash', ['-c', script, 'curl', '-sS', '-w', '%{time_total}', ...args])
  const [, user = 0, system = 0] = (/cpu ([\d.]+) ([\d.]+)/.exec(stderr) ?? []).map(Number)
  return { ms: Number(stdout.slice(stdout.lastIndexOf('}') + 1)) * 1_000, cpuMs: (user + system) * 1_000 }
}

/** Posts the file as a form; without waiting for the 100 Continue, which would cost it a second. */
export const curlUpload = (baseUrl: string, path: string): Promise<CurlTime> =>
  curl([
    ...['-H', 'Expect:', '-o', '/dev/null', '-F', `media=@${path};filename=0.bin`],
    `${baseUrl}/media/upload?access_token=stub-token&type=file`,
  ])

export const curlDownload = (baseUrl: string, sizeBytes: number, folder: string): Promise<CurlTime> =>
  curl([
    ...['-o', join(folder, 'curl.bin')],
    `${baseUrl}/media/get?access_token=stub-token&media_id=size-${sizeBytes}`,
  ])
