/**
 * What a pod means when it does not say: the defaults.
 *
 * A user writes a name and an image; everybody who reads the pod afterwards finds every field that matters filled in, so
 * no reader needs to know the defaults. They are written down when the object is stored, not when it is read: a later
 * version of the server may default otherwise, and the old pods keep their meaning.
 *
 * Guarantee: a default never changes what a user wrote, and applying defaults twice is applying them once.
 *
 * Source: kubernetes `pkg/apis/core/v1/defaults.go`.
 */
import type { ApiObject, Container, Pod, PodSpec, Probe } from '#kit/api/objects.ts'
import { canonicalQuantity, isQuantity } from '#kit/api/quantity.ts'

type Volume = NonNullable<PodSpec['volumes']>[number]

/** `rw-r--r--`: what files of a ConfigMap or Secret volume get. */
const FILE_MODE = 0o644

export function applyPodDefaults(draft: ApiObject): void {
  const pod = draft as Pod
  if (!pod.spec) return
  applyPodSpecDefaults(pod.spec)
  pod.spec.enableServiceLinks ??= true
  for (const container of allContainers(pod.spec)) requestWhatIsLimited(container)
}

/**
 * Fills in a pod's spec, also that of a template (which is why `enableServiceLinks` and requests are not here: upstream
 * leaves them to the pod itself).
 *
 * `restartPolicy` Always, `dnsPolicy` ClusterFirst, `terminationGracePeriodSeconds` 30, `schedulerName`
 * default-scheduler, an empty `securityContext`. With `hostNetwork`, a container port without `hostPort` takes its own
 * number as host port, since that is where it will be. `serviceAccountName` and the older `serviceAccount` are kept the
 * same. Then every container (init, app and ephemeral) and every volume gets its own defaults.
 *
 * @lab 2.4 Default a pod's spec
 */
export function applyPodSpecDefaults(spec: PodSpec): void {
  spec.restartPolicy ??= 'Always'
  spec.dnsPolicy ??= 'ClusterFirst'
  spec.terminationGracePeriodSeconds ??= 30
  spec.schedulerName ??= 'default-scheduler'
  spec.securityContext ??= {}
  const account = spec.serviceAccountName ?? spec.serviceAccount
  if (account) {
    spec.serviceAccountName = account
    spec.serviceAccount = account
  }
  for (const container of allContainers(spec)) {
    applyContainerDefaults(container)
    if (spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ??= port.containerPort
  }
  for (const volume of spec.volumes ?? []) applyVolumeDefaults(volume)
}

/**
 * Fills in a container: `imagePullPolicy` (see `defaultPullPolicy`), `terminationMessagePath` /dev/termination-log,
 * `terminationMessagePolicy` File, empty `resources`, protocol TCP for ports, apiVersion v1 for env vars from fields, and
 * its probes. Quantities are written in their canonical form ("1000m" is "1").
 *
 * @lab 2.4 Default a container
 */
export function applyContainerDefaults(container: Container): void {
  container.imagePullPolicy ??= defaultPullPolicy(container.image ?? '')
  container.terminationMessagePath ??= '/dev/termination-log'
  container.terminationMessagePolicy ??= 'File'
  container.resources ??= {}
  canonicalise(container.resources.limits)
  canonicalise(container.resources.requests)
  for (const port of container.ports ?? []) port.protocol ??= 'TCP'
  for (const { valueFrom } of container.env ?? []) if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ??= 'v1'
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) applyProbeDefaults(probe)
  }
}

/**
 * "Always" for an image whose tag may mean something else tomorrow (`:latest`, or none at all), else "IfNotPresent". Mind
 * registries with a port (`registry:5000/web` has no tag) and digests (`web@sha256:…` never changes).
 *
 * @lab 2.4 Decide when to pull
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent'
  const lastPart = image.slice(image.lastIndexOf('/') + 1)
  const [, tag = 'latest'] = lastPart.split(':')
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}

/**
 * Fills in a probe: every 10 s with 1 s to answer, one success and three failures to change its mind; HTTP probes ask "/"
 * by HTTP.
 *
 * @lab 2.4 Default a probe
 */
export function applyProbeDefaults(probe: Probe): void {
  probe.timeoutSeconds ??= 1
  probe.periodSeconds ??= 10
  probe.successThreshold ??= 1
  probe.failureThreshold ??= 3
  if (probe.httpGet) {
    probe.httpGet.path ??= '/'
    probe.httpGet.scheme ??= 'HTTP'
  }
}

/** A volume of nothing is an empty directory; files from the API are readable by all. */
function applyVolumeDefaults(volume: Volume): void {
  if (Object.keys(volume).length === 1) volume.emptyDir = {}
  for (const source of [volume.configMap, volume.secret, volume.downwardAPI, volume.projected]) {
    if (source) source.defaultMode ??= FILE_MODE
  }
  if (volume.hostPath) volume.hostPath.type ??= ''
}

/** Who limits a resource without requesting any requests the limit. Only pods, not templates. */
function requestWhatIsLimited({ resources }: Container): void {
  if (!resources?.limits) return
  resources.requests = { ...resources.limits, ...resources.requests }
}

/** Writes each quantity as upstream does; what is none is left for validation to find. */
function canonicalise(quantities: Record<string, string> | undefined): void {
  for (const [resource, text] of Object.entries(quantities ?? {})) {
    if (quantities && isQuantity(text)) quantities[resource] = canonicalQuantity(text)
  }
}

/** Init, app and ephemeral containers. */
export function allContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]
}
