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
import type {
  ApiObject,
  Container,
  EnvVar,
  ObjectMeta,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
} from '#kit/api/objects.ts'
import { canonicalQuantity, isQuantity } from '#kit/api/quantity.ts'

type Volume = NonNullable<PodSpec['volumes']>[number]
type ContainerPort = NonNullable<Container['ports']>[number]

/** `rw-r--r--`: what files of a ConfigMap or Secret volume get. */
const FILE_MODE = 0o644

/** A pod's own defaults on top of those of its spec: what a template does not get. */
export function applyPodDefaults(draft: ApiObject): void {
  const pod = draft as Pod
  if (!pod.spec) return
  const spec = podSpecWithDefaults(pod.spec)
  pod.spec = {
    ...spec,
    enableServiceLinks: spec.enableServiceLinks ?? true,
    containers: spec.containers?.map(requestWhatIsLimited),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(requestWhatIsLimited) }),
  }
}

/**
 * A pod's spec, also that of a template, with its defaults: `restartPolicy` Always, `dnsPolicy` ClusterFirst,
 * `terminationGracePeriodSeconds` 30, `schedulerName` default-scheduler, an empty `securityContext`. If either of
 * `serviceAccountName` and the older `serviceAccount` is set, both are, to the same (the first wins).
 *
 * Then every container (of `containers`, `initContainers`, `ephemeralContainers`, where there are any) gets its own
 * defaults, and every volume its (`volumeWithDefaults`). With `hostNetwork`, a container port without `hostPort` takes its
 * own number as host port, since that is where it will be found.
 *
 * @lab 2.4 Default a pod's spec
 */
export function podSpecWithDefaults(spec: PodSpec): PodSpec {
  const account = spec.serviceAccountName || spec.serviceAccount
  const containerOf = (container: Container): Container => {
    const { ports, ...rest } = containerWithDefaults(container)
    if (!ports) return rest
    const onHost = (port: ContainerPort) => (spec.hostNetwork ? { hostPort: port.containerPort, ...port } : port)
    return { ...rest, ports: ports.map(onHost) }
  }
  return {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    terminationGracePeriodSeconds: 30,
    schedulerName: 'default-scheduler',
    securityContext: {},
    ...spec,
    ...(account && { serviceAccountName: account, serviceAccount: account }),
    ...(spec.containers && { containers: spec.containers.map(containerOf) }),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(containerOf) }),
    ...(spec.ephemeralContainers && { ephemeralContainers: spec.ephemeralContainers.map(containerOf) as never }),
    ...(spec.volumes && { volumes: spec.volumes.map(volumeWithDefaults) }),
  }
}

/**
 * A container with its defaults: `imagePullPolicy` (see `defaultPullPolicy`), `terminationMessagePath`
 * /dev/termination-log, `terminationMessagePolicy` File, protocol TCP for its ports, its probes (liveness, readiness,
 * startup) with theirs, and `resources` (empty if there are none) with canonical quantities (`canonicalAmounts`).
 * An env var that takes its value from a field of the pod means `apiVersion` v1.
 *
 * @lab 2.4 Default a container
 */
export function containerWithDefaults(container: Container): Container {
  const { limits, requests } = container.resources ?? {}
  const envOf = (variable: EnvVar): EnvVar => {
    const { fieldRef } = variable.valueFrom ?? {}
    if (!fieldRef) return variable
    return { ...variable, valueFrom: { ...variable.valueFrom, fieldRef: { apiVersion: 'v1', ...fieldRef } } }
  }
  return {
    imagePullPolicy: defaultPullPolicy(container.image ?? ''),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...container,
    resources: {
      ...container.resources,
      ...(limits && { limits: canonicalAmounts(limits) }),
      ...(requests && { requests: canonicalAmounts(requests) }),
    },
    ...(container.ports && { ports: container.ports.map((port) => ({ protocol: 'TCP', ...port })) }),
    ...(container.env && { env: container.env.map(envOf) }),
    ...(container.livenessProbe && { livenessProbe: probeWithDefaults(container.livenessProbe) }),
    ...(container.readinessProbe && { readinessProbe: probeWithDefaults(container.readinessProbe) }),
    ...(container.startupProbe && { startupProbe: probeWithDefaults(container.startupProbe) }),
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
 * A probe with its defaults: every 10 s (`periodSeconds`) with 1 s to answer (`timeoutSeconds`), one success and three
 * failures to change its mind (`successThreshold`, `failureThreshold`); HTTP probes ask for `path` "/" by `scheme` HTTP.
 *
 * @lab 2.4 Default a probe
 */
export function probeWithDefaults(probe: Probe): Probe {
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
    ...(probe.httpGet && { httpGet: { path: '/', scheme: 'HTTP', ...probe.httpGet } }),
  }
}

/** A volume of nothing is an empty directory; files from the API are readable by all. */
export function volumeWithDefaults(volume: Volume): Volume {
  const readable = <T extends object>(source: T) => ({ defaultMode: FILE_MODE, ...source })
  if (Object.keys(volume).length === 1) return { ...volume, emptyDir: {} }
  return {
    ...volume,
    ...(volume.configMap && { configMap: readable(volume.configMap) }),
    ...(volume.secret && { secret: readable(volume.secret) }),
    ...(volume.downwardAPI && { downwardAPI: readable(volume.downwardAPI) }),
    ...(volume.projected && { projected: readable(volume.projected) }),
    ...(volume.hostPath && { hostPath: { type: '', ...volume.hostPath } }),
  }
}

/** Who limits a resource without requesting any requests the limit. */
function requestWhatIsLimited(container: Container): Container {
  const { resources } = container
  if (!resources?.limits) return container
  return { ...container, resources: { ...resources, requests: { ...resources.limits, ...resources.requests } } }
}

/** Each quantity as upstream writes it ("1000m" is "1"); what is none is left for validation to find. */
export function canonicalAmounts(amounts: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(amounts).map(([name, text]) => [
    name,
    isQuantity(text) ? canonicalQuantity(text) : text,
  ])
  return Object.fromEntries(entries)
}

/** A pod template with the defaults of its spec. */
export function templateWithDefaults({ metadata, spec, ...rest }: PodTemplateSpec): PodTemplateSpec {
  return { metadata: metadataWithin(metadata), ...rest, ...(spec && { spec: podSpecWithDefaults(spec) }) }
}

/**
 * Metadata of what is inside of another object. It was never created, so it has no `creationTimestamp`; but upstream's types always write one,
 * and so everybody who compares manifests expects to see `null`.
 */
export function metadataWithin(metadata: ObjectMeta | undefined): ObjectMeta {
  return { creationTimestamp: null, ...metadata } as ObjectMeta
}

/** Init, app and ephemeral containers. */
export function allContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]
}
