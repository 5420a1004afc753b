/** The folders of a worker, seen from this host and as this user. */

import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../../config.ts'
import { Fault } from '../../fault.ts'
import { missingRoots } from '../settings.ts'
import { type Finding, failed, finding, ok, skipped } from './finding.ts'

export async function checkFolders(config: Config): Promise<Finding[]> {
  return [await finding('downloads', () => canWrite(config.downloads)), await checkRoots(config)]
}

/** Writes nothing. A folder that is not there yet is made by the worker: then its parent counts. */
async function canWrite(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined)
  if (!there) {
    const parent = dirname(folder)
    if (parent === folder) throw new Fault('config', `${folder} is not there: set WECOM_MEDIA_DOWNLOADS`)
    await canWrite(parent)
    return `${folder} will be made`
  }
  const refuse = (why: string) => new Fault('config', `${folder} ${why}: set WECOM_MEDIA_DOWNLOADS`)
  if (!there.isDirectory()) throw refuse('is no folder')
  await access(folder, constants.W_OK | constants.X_OK).catch(error => {
    throw refuse(`cannot be written to (${error.code})`)
  })
  return folder
}

async function checkRoots(config: Config): Promise<Finding> {
  const what = 'roots'
  const { roots } = config
  if (roots === undefined) return skipped(what, 'no WECOM_MEDIA_ROOTS: serve will refuse local files')
  const missing = await missingRoots(config)
  if (missing.length === 0) return ok(what, roots.join(', '))
  return failed(
    what,
    new Fault('config', `there is no folder ${missing.join(', ')}: correct WECOM_MEDIA_ROOTS`),
  )
}
