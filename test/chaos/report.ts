/** A chaos run as people read it: a line each, and whether a promise was broken. */

import type { Report } from './soak.ts'

/** DESIGN §5 and notes/reliability.md §3.1; empty when every promise was kept. */
export function broken(report: Report): string[] {
  const { seed, acts, tokens, allowed, fullest, exits } = report
  const mustBeEmpty = ['failed', 'lost', 'wrong', 'unexplained', 'changed', 'litter'] as const
  const mustBeZero = ['unexpected', 'refused', 'secretsSeen'] as const
  const kills = (acts.kill ?? 0) + (acts.freeze ?? 0) + (acts['redis-kill'] ?? 0)
  const lines = [
    ...mustBeEmpty.filter(name => report[name].length > 0).map(name => `${name}: ${report[name].join('; ')}`),
    ...mustBeZero.filter(name => report[name] > 0).map(name => `${name}: ${report[name]}`),
    ...(fullest > allowed ? [`${fullest} calls in a window of ${allowed}`] : []),
    ...(tokens > 1 + kills ? [`${tokens} tokens for ${kills} blows`] : []),
    ...(exits.some(code => code !== 0) ? [`workers ended with ${exits.join(', ')}`] : []),
  ]
  return lines.map(line => `seed ${seed}: ${line}`)
}

export function tableOf(report: Report): string {
  const shown = Object.entries(report).map(([name, value]) => {
    const text = Array.isArray(value)
      ? name === 'exits'
        ? value.join(' ')
        : String(value.length)
      : typeof value === 'object'
        ? Object.entries(value)
            .map(([act, count]) => `${act} ${count}`)
            .join(', ')
        : String(value)
    return `${name.padEnd(14)}${text}`
  })
  return `${shown.join('\n')}\n`
}
