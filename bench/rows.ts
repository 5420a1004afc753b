/** What a benchmark comes to: rows of two sides measured in turn in one run, their ratio, and the bar it is held to. */

export interface Row {
  /** The key of the row in the JSON and in docs/performance.md. */
  readonly key: string
  readonly line: 'overhead' | 'wait' | 'transfer' | 'reuse' | 'start'
  readonly what: string
  /** What the other side is made of. */
  readonly against: string
  readonly unit: string
  /** Medians. */
  readonly ours: number
  readonly other: number
  /** Median of ours ÷ other, each pair measured one after the other. */
  readonly ratio: number
  /** What is promised; absent where nothing is. */
  readonly bars?: readonly Bar[]
  /** Each run, in order. */
  readonly runs: readonly { readonly ours: number; readonly other: number }[]
  readonly more?: Readonly<Record<string, number>>
}

export interface Bar {
  readonly of: 'ratio' | 'p50' | 'p99' | 'extraMiB'
  readonly least?: number
  readonly most?: number
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** By the nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** Measures the two sides in turn, after one round that does not count. */
export async function inTurn(
  rounds: number,
  ours: () => Promise<number>,
  other: () => Promise<number>,
): Promise<{ ours: number; other: number }[]> {
  const runs: { ours: number; other: number }[] = []
  for (let round = 0; round <= rounds; round += 1) runs.push({ other: await other(), ours: await ours() })
  return runs.slice(1)
}

type Named = Omit<Row, 'ours' | 'other' | 'ratio' | 'runs'>

export const rowOf = (named: Named, runs: Row['runs']): Row => ({
  ...named,
  ours: median(runs.map(({ ours }) => ours)),
  other: median(runs.map(({ other }) => other)),
  ratio: median(runs.map(({ ours, other }) => ours / other)),
  runs,
})

const meets = ({ ratio, more = {} }: Row, { of, least = -Infinity, most = Infinity }: Bar): boolean => {
  const value = of === 'ratio' ? ratio : (more[of] ?? Number.NaN)
  return value >= least && value <= most
}

/** Whether it keeps what is promised; undefined where nothing is. */
export const meetsBars = (row: Row): boolean | undefined => row.bars?.every(bar => meets(row, bar))

export const shown = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

const barText = ({ of, least, most }: Bar): string =>
  `${of === 'ratio' ? '' : `${of} `}${least === undefined ? `≤ ${most}` : `≥ ${least}`}`

export const barsText = ({ bars = [] }: Pick<Row, 'bars'>): string => bars.map(barText).join(', ') || '–'

/** One line for people. */
export function lineOf(row: Row): string {
  const met = meetsBars(row)
  const more = Object.entries(row.more ?? {}).map(([name, value]) => `${name} ${shown(value)}`)
  const verdict = met === undefined ? '' : `, bar ${barsText(row)}: ${met ? 'met' : 'NOT MET'}`
  return [
    `${row.key}: ${shown(row.ours)} against ${shown(row.other)} ${row.unit}, ratio ${row.ratio.toFixed(2)}${verdict}`,
    ...(more.length > 0 ? [`    ${more.join(', ')}`] : []),
  ].join('\n')
}
