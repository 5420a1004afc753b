/** What a person names as a source, and the settings of a job here that reads it: what can be known is said before anything is started. */

import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { Fault } from '../fault.ts'
import { webRules } from '../files/web-policy.ts'
import type { Payload } from '../queues/jobs.ts'
import { asUsage, CommandError } from './exit.ts'
import type { JobFlags } from './job-flags.ts'
import { missingRoots, settingsFor } from './settings.ts'

/** What a person can name. */
export type Named = Exclude<Payload<'media.upload'>['source'], { readonly spooled: string }>

/** An http(s) URL, or a path, made absolute. */
export const sourceOf = (text: string): Named =>
  /^https?:\/\//i.test(text) ? { url: text } : { path: resolve(text) }

/** For a command whose job reads `source`. Faults of a job here: `not-found` (a path), `forbidden-address` (a URL). */
export async function settingsToRead(source: Named, { app, here }: JobFlags): Promise<Config> {
  if (!here) return settingsFor({})
  const settings = await settingsFor({ app })
  const config = { ...settings, roots: settings.roots ?? [process.cwd()] }
  if ('url' in source) await checkUrl(source.url, config)
  else await checkPath(source.path, config)
  return config
}

/** The same where nothing is written for people: a worker makes its downloads folder, but spools URLs only. */
export const settingsToUpload = async (source: Named, flags: JobFlags): Promise<Config> => ({
  ...(await settingsToRead(source, flags)),
  downloads: tmpdir(),
})

async function checkUrl(url: string, { web }: Config): Promise<void> {
  const rules = await asUsage(() => webRules(web))
  rules.admit(url)
}

async function checkPath(path: string, config: Config): Promise<void> {
  const missing = await missingRoots(config)
  if (missing.length === config.roots?.length)
    throw new CommandError('usage', `WECOM_MEDIA_ROOTS: there is no folder ${missing.join(', ')}`, 'config')
  await stat(path).catch(error => {
    if (error.code === 'ENOENT') throw new Fault('not-found', `there is no file ${path}: check the path`)
  })
}
