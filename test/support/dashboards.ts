/** The dashboards of deploy/grafana as data. There is no Grafana here: what it needs is checked on the files. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deployDir } from './prometheus.ts'

export interface Target {
  readonly refId: string
  readonly expr: string
  readonly legendFormat?: string
  readonly datasource: { readonly type: string; readonly uid: string }
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly Target[]
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } }
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[]
  }
}

const folder = join(deployDir, 'grafana/dashboards')

export const dashboards: readonly Dashboard[] = readdirSync(folder).map(file =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')),
)

/** Every query, with Grafana's variables put in. */
export const queries = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap(panel =>
    (panel.targets ?? []).map(({ expr }) => ({
      where: `${title}: ${panel.title}`,
      expr: expr.replace(/\$\w+/g, 'x'),
    })),
  ),
)
