/** deploy/kubernetes as it is written: there is no cluster here, so every name in it is followed to what it names. */

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { readConfig, settings } from '../src/config.ts'
import { deploy } from './support/deployment.ts'
import { tempDir } from './support/temp.ts'

const folder = join(import.meta.dirname, '../deploy/kubernetes')
const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')

type Labels = Readonly<Record<string, string>>
interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values: readonly string[]
  }[]
}
interface Port {
  readonly name?: string
  readonly port?: number
  readonly targetPort?: string
  readonly containerPort?: number
}
interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string }
  readonly tcpSocket?: { readonly port: string }
}
interface Container {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly ports: readonly Port[]
  readonly securityContext: object
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } }
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>
    readonly limits: Readonly<Record<string, string>>
  }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}
interface Pod {
  readonly automountServiceAccountToken?: boolean
  readonly enableServiceLinks?: boolean
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly containers: readonly Container[]
  readonly volumes?: readonly {
    readonly name: string
    readonly persistentVolumeClaim?: { readonly claimName: string }
    readonly secret?: { readonly secretName: string }
  }[]
}
interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
}
interface Spec {
  readonly replicas?: number
  readonly accessModes?: readonly string[]
  readonly selector?: Selector & Labels
  readonly podSelector?: Selector
  readonly policyTypes?: readonly string[]
  readonly ingress?: readonly { readonly from: readonly Peer[]; readonly ports: readonly Port[] }[]
  readonly egress?: readonly { readonly to: readonly Peer[]; readonly ports: readonly Port[] }[]
  readonly ports?: readonly Port[]
  readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod }
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
}
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels }
  readonly spec: Spec
  readonly data?: Labels
  readonly stringData?: Labels
}

const files = (await readdir(folder)).filter(name => name.endsWith('.yaml') && name !== 'kustomization.yaml')
const manifests: Manifest[] = (
  await Promise.all(files.map(async name => parseAllDocuments(await read(name)).map(each => each.toJS())))
).flat()

const ofKind = (kind: string): Manifest[] => manifests.filter(each => each.kind === kind)
const named = (kind: string, name: string): Manifest => {
  const found = ofKind(kind).find(each => each.metadata.name === name)
  if (!found) throw new Error(`there is no ${kind} ${name}`)
  return found
}

const workloads = manifests.flatMap(({ metadata: { name }, spec }) =>
  spec?.template ? [{ name, spec, labels: spec.template.metadata.labels, pod: spec.template.spec }] : [],
)
const ours = workloads.filter(({ name }) => name !== 'redis')
const containers = workloads.flatMap(({ name, pod }) => pod.containers.map(it => ({ name, pod, it })))

const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
const selected = (selector: Selector) => workloads.filter(({ labels }) => selects(selector, labels))
const portsOf = (selector: Selector): Port[] =>
  selected(selector).flatMap(({ pod }) => pod.containers.flatMap(({ ports }) => ports))

const handBackMs = 5_000
const marginMs = 5_000
const config = named('ConfigMap', 'settings').data ?? {}

test('kustomize gets every file but the template of the secret', async () => {
  const { resources, namespace } = parse(await read('kustomization.yaml'))
  expect(resources.toSorted()).toEqual(files.filter(name => name !== 'secret.example.yaml').toSorted())
  for (const { kind, metadata } of manifests)
    expect(kind === 'Namespace' ? metadata.name : metadata.namespace).toBe(namespace)
})

describe.each(containers)('the container $name', ({ pod, it }) => {
  test('has no privilege, and bounds', () => {
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(pod.securityContext).toMatchObject({
      ...{ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      runAsUser: it.name === 'redis' ? 999 : 10001,
    })
    expect(pod.securityContext['fsGroup']).toBe(pod.securityContext['runAsGroup'])
    expect(it.securityContext).toEqual({
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'] },
    })
    expect(Object.keys(it.resources.requests).toSorted()).toEqual(['cpu', 'memory'])
    expect(it.resources.limits['memory']).toBeDefined()
    expect(it.image).not.toMatch(/:latest$/)
  })

  test('mounts what is there, and is asked at ports that are there', () => {
    const volumes = (pod.volumes ?? []).map(({ name }) => name)
    const claimed = workloads
      .find(({ pod: other }) => other === pod)
      ?.spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name)
    for (const { name } of it.volumeMounts) expect([...volumes, ...(claimed ?? [])]).toContain(name)
    for (const { persistentVolumeClaim, secret } of pod.volumes ?? []) {
      if (persistentVolumeClaim) named('PersistentVolumeClaim', persistentVolumeClaim.claimName)
      if (secret) named('Secret', secret.secretName)
    }
    for (const probe of [it.startupProbe, it.livenessProbe, it.readinessProbe]) {
      const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port
      if (port !== undefined) expect(it.ports.map(({ name }) => name)).toContain(port)
    }
  })
})

describe.each(ours)('the deployment $name', ({ name, spec, pod }) => {
  const [it] = pod.containers
  if (!it) throw new Error('it has no container')

  test('gets settings that exist and agree, and its secrets as files', async () => {
    // A Service of the wrong name would be a setting otherwise.
    expect(pod.enableServiceLinks).toBe(false)
    expect(it.envFrom).toEqual([{ configMapRef: { name: 'settings' } }])
    const secrets = named('Secret', 'secrets').stringData ?? {}
    const mount = it.volumeMounts.find(each => each.name === 'secrets')?.mountPath
    const place = await tempDir()
    const own = Object.fromEntries((it.env ?? []).map(({ name: key, value }) => [key, value]))
    for (const [key, text] of Object.entries(secrets)) await writeFile(join(place, key), text)
    const all: Record<string, string> = { ...config, ...own }
    expect(Object.keys(all).filter(key => !Object.hasOwn(settings, key))).toEqual([])
    const used = Object.values(own).filter(value => value.startsWith(`${mount}/`))
    expect(Object.keys(secrets)).toEqual(
      expect.arrayContaining(used.map(value => value.slice(`${mount}/`.length))),
    )
    const here = Object.entries(all).map(([key, value]) => [key, value.replace(`${mount}`, place)])
    const { admin, public: listener, apps } = readConfig(Object.fromEntries(here))
    expect(Object.keys(apps)).toEqual(['default'])
    expect(it.ports.find(port => port.name === 'admin')?.containerPort).toBe(admin.port)
    if (name === 'http')
      expect(it.ports.find(port => port.name === 'public')?.containerPort).toBe(listener.port)
  })

  test('is one of the two parts', () => {
    expect(it.args).toEqual(['serve', '--only', name === 'http' ? 'http' : 'workers'])
  })

  test('lets running jobs end before it is killed', () => {
    const pauseMs = Number(it.lifecycle?.preStop.exec.command[1] ?? 0) * 1_000
    const graceMs = Number(config['WECOM_MEDIA_GRACE_MS'])
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThanOrEqual(
      pauseMs + graceMs + handBackMs + marginMs,
    )
  })

  test('shares its files with every replica', () => {
    const claim =
      pod.volumes?.find(each => each.persistentVolumeClaim)?.persistentVolumeClaim?.claimName ?? ''
    expect(named('PersistentVolumeClaim', claim).spec.accessModes).toEqual(['ReadWriteMany'])
    expect(it.volumeMounts.find(each => each.name === 'media')?.mountPath).toBe(config['WECOM_MEDIA_FILES'])
  })

  test('has more than one replica, of which one stays while nodes are emptied', () => {
    expect(spec.replicas).toBeGreaterThan(1)
    const budgets = ofKind('PodDisruptionBudget').filter(
      budget => selected(budget.spec.selector ?? {}).length > 0,
    )
    expect(budgets.map(({ metadata }) => metadata.name)).toContain(name)
  })
})

test('labels, selectors and ports name each other', () => {
  for (const { spec, labels } of workloads) expect(selects(spec.selector ?? {}, labels)).toBe(true)
  for (const { spec } of ofKind('Service')) {
    const ports = portsOf({ matchLabels: spec.selector as Labels })
    for (const { targetPort } of spec.ports ?? []) expect(ports.map(port => port.name)).toContain(targetPort)
  }
  for (const { spec } of ofKind('PodDisruptionBudget')) expect(selected(spec.selector ?? {})).toHaveLength(1)
  for (const { spec } of ofKind('NetworkPolicy')) {
    const mine = portsOf(spec.podSelector ?? {})
    expect(mine.length).toBeGreaterThan(0)
    for (const { port } of spec.ingress?.flatMap(rule => rule.ports) ?? [])
      expect(mine.map(({ containerPort }) => containerPort)).toContain(port)
    const peers = [
      ...(spec.ingress?.flatMap(rule => rule.from) ?? []),
      ...(spec.egress?.flatMap(rule => rule.to) ?? []),
    ]
    for (const { podSelector, namespaceSelector } of peers)
      if (podSelector && !namespaceSelector) expect(selected(podSelector).length).toBeGreaterThan(0)
  }
})

test('every secret of the template is read by somebody', () => {
  const read = ours.flatMap(({ pod }) =>
    pod.containers.flatMap(({ env = [] }) => env.map(({ value }) => value)),
  )
  for (const key of Object.keys(named('Secret', 'secrets').stringData ?? {}))
    expect(read).toContain(`/run/secrets/${key}`)
})

test('nobody may speak with anybody unless a policy says so', () => {
  const all = ofKind('NetworkPolicy').find(({ spec }) => Object.keys(spec.podSelector ?? {}).length === 0)
  expect(all?.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
})

test('probes ask for pages that a ready process has', async () => {
  const { startHere } = await deploy({ callback: true })
  const { url } = await startHere()
  const paths = ours.flatMap(({ pod }) =>
    pod.containers.flatMap(({ startupProbe, livenessProbe, readinessProbe }) =>
      [startupProbe, livenessProbe, readinessProbe].map(probe => probe?.httpGet?.path ?? 'none'),
    ),
  )
  expect([...new Set(paths)].toSorted()).toEqual(['/livez', '/readyz'])
  for (const path of paths) expect((await fetch(`${url}${path}`)).status).toBe(200)
  // Whoever is restarted for being dead must not be asked about Redis.
  for (const { pod } of ours)
    for (const { livenessProbe } of pod.containers) expect(livenessProbe?.httpGet?.path).toBe('/livez')
})
