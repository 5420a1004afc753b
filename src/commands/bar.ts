/** What a person sees while a job runs: a bar on a terminal's stderr, and lines that never mix with it. */

import { say } from './exit.ts'

export interface Bar {
  show(progress: unknown): void
  /** A line above the bar; the same one is not told twice in a row. */
  tell(line: string): void
  clear(): void
}

const width = 30

export function createBar(out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr): Bar {
  let drawn = ''
  let told = ''
  const clear = (): void => {
    if (drawn !== '') out.write('\r\x1b[K')
    drawn = ''
  }
  return {
    clear,
    show(progress) {
      if (!out.isTTY || !isProgress(progress)) return
      const line = lineOf(progress)
      if (line === drawn) return
      out.write(`\r${line}\x1b[K`)
      drawn = line
    },
    tell(line) {
      if (line === told) return
      clear()
      say(line)
      told = line
    },
  }
}

function lineOf({ doneBytes, totalBytes }: Progress): string {
  if (!totalBytes) return `${sizeOf(doneBytes)} …`
  const share = Math.min(1, doneBytes / totalBytes)
  const full = Math.round(share * width)
  const percent = `${Math.floor(share * 100)}`.padStart(3)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${percent} %  ${sizeOf(doneBytes)} of ${sizeOf(totalBytes)}`
}

interface Progress {
  readonly doneBytes: number
  readonly totalBytes?: number
}

const isProgress = (value: unknown): value is Progress =>
  typeof value === 'object' && value !== null && 'doneBytes' in value

/** For people: bytes, KiB or MiB. */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
