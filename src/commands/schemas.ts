/** `wecom-media schemas`: the wire contract of the queues as JSON Schema, for producers in other languages. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { jobs, publicJobs } from '../queues/jobs.ts'
import { CommandError, printResult } from './exit.ts'
import { explain } from './help.ts'

export const schemas = (program: Command): void => {
  const command = program
    .command('schemas')
    .description('print the JSON Schemas of payloads and results, or write them to a folder')
    .option('--write <folder>', 'one file per schema; the folder is made')
    .action(run)
  explain(command, ['wecom-media schemas', 'wecom-media schemas --write schemas'])
}

async function run({ write }: { readonly write?: string }): Promise<void> {
  const all = jobSchemas()
  if (write === undefined) {
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
    return
  }
  const files = Object.entries(all).map(([name, schema]) => ({ path: join(write, `${name}.json`), schema }))
  try {
    await mkdir(write, { recursive: true })
    for (const { path, schema } of files) await writeFile(path, `${JSON.stringify(schema, null, 2)}\n`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError('usage', `--write: the folder ${write} cannot be written to (${code})`)
  }
  const paths = files.map(({ path }) => path)
  printResult(
    { files: paths },
    paths.map(path => ['written', path]),
  )
}

/** File name without extension -> schema; payloads as producers write them, results as workers answer. */
export function jobSchemas(): Record<string, object> {
  return Object.fromEntries(
    publicJobs.flatMap(name => [
      [
        `${name}.payload`,
        {
          title: `${name}: job data on queue ${jobs[name].queue}`,
          ...z.toJSONSchema(jobs[name].payload, { io: 'input' }),
        },
      ],
      [`${name}.result`, { title: `${name}: return value`, ...z.toJSONSchema(jobs[name].result) }],
    ]),
  )
}
