/**
 * A kubelet may do what its own node needs, and nothing about the others. If one machine is taken over, the rest of the
 * cluster is not: its kubelet's certificate opens neither the secrets of other nodes' pods nor their status.
 *
 * Source: kubernetes `plugin/pkg/auth/authorizer/node/node_authorizer.go`, `plugin/pkg/admission/noderestriction`.
 */
import type { Pod, PodSpec } from '#kit/api/objects.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'

const USER_PREFIX = 'system:node:'
const NODES_GROUP = 'system:nodes'

/**
 * The node that a user is the kubelet of, or undefined: a member of `system:nodes` whose name is `system:node:` and the
 * node's name.
 *
 * @lab 2.11 Recognise a kubelet
 */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.groups.includes(NODES_GROUP) || !user.name.startsWith(USER_PREFIX)) return undefined
  return user.name.slice(USER_PREFIX.length) || undefined
}

/** What every kubelet may do besides. */
const ALWAYS: Readonly<Record<string, readonly string[]>> = {
  services: ['get', 'list', 'watch'],
  endpoints: ['get', 'list', 'watch'],
  runtimeclasses: ['get', 'list', 'watch'],
  csidrivers: ['get', 'list', 'watch'],
  // Of both groups.
  events: ['create', 'patch', 'update'],
  // Who calls the kubelet's own server, and may they? And a certificate to begin with.
  tokenreviews: ['create'],
  subjectaccessreviews: ['create'],
  localsubjectaccessreviews: ['create'],
  certificatesigningrequests: ['create', 'get', 'list', 'watch'],
}

/**
 * What the kubelet of `nodeName`, to which `pods` are bound, may do:
 * - nodes: create (itself, which has no name yet in the request), and read, change or delete only its own, status
 *   included; never `proxy`, behind which every other kubelet would take it for the API server;
 * - pods: create; get, change the status of, delete, or evict only `pods`; list and watch only those of its node
 *   (`selectsNode`);
 * - secrets, configmaps, persistentvolumeclaims: get, list or watch by name (`info.name`), only those that one of `pods`
 *   refers to (`referencedNames`), in that pod's namespace;
 * - serviceaccounts: only create the subresource `token`, of the account of one of `pods`, in that pod's namespace;
 * - leases: its own (by its name) in the namespace kube-node-lease; the creation has no name;
 * - csinodes: its own; the creation has no name;
 * - whatever else stands in `ALWAYS`, with the verbs that stand there.
 *
 * @lab 2.11 Limit a kubelet to its node
 */
export function nodeMay(nodeName: string, info: RequestInfo, pods: readonly Pod[]): boolean {
  const { verb, resource, subresource, name, namespace } = info
  const reads = verb === 'get' || verb === 'list' || verb === 'watch'
  const isOwnPod = () => pods.some(({ metadata }) => metadata?.name === name && metadata.namespace === namespace)
  const podsHere = () => pods.filter(({ metadata }) => metadata?.namespace === namespace)

  switch (resource) {
    case 'nodes':
      if (subresource && subresource !== 'status') return false
      return verb === 'create' || name === nodeName
    case 'pods':
      if (subresource === 'status') return (verb === 'patch' || verb === 'update') && isOwnPod()
      if (subresource === 'eviction') return verb === 'create' && isOwnPod()
      if (subresource) return false
      if (verb === 'list' || verb === 'watch') return selectsNode(info, nodeName)
      return verb === 'create' || ((verb === 'get' || verb === 'delete') && isOwnPod())
    case 'secrets':
    case 'configmaps':
    case 'persistentvolumeclaims':
      return reads && podsHere().some((pod) => referencedNames(pod, resource).includes(name))
    case 'serviceaccounts':
      if (verb !== 'create' || subresource !== 'token') return false
      return podsHere().some(({ spec }) => spec?.serviceAccountName === name)
    case 'leases':
      return namespace === 'kube-node-lease' && (verb === 'create' || name === nodeName)
    case 'csinodes':
      return verb === 'create' || name === nodeName
    default:
      return (ALWAYS[resource] ?? []).includes(verb)
  }
}

/** Whether a list or watch asks for the pods of this node alone. */
export function selectsNode({ fieldSelector = '' }: RequestInfo, nodeName: string): boolean {
  return fieldSelector.split(',').some((term) => /^spec\.nodeName==?(.+)$/.exec(term)?.[1] === nodeName)
}

/** The Secrets, ConfigMaps or claims that a pod's environment, volumes and image pulls name. */
export function referencedNames(pod: Pod, resource: 'secrets' | 'configmaps' | 'persistentvolumeclaims'): string[] {
  const spec: Partial<PodSpec> = pod.spec ?? {}
  if (resource === 'persistentvolumeclaims') {
    return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [])
  }
  const names: (string | undefined)[] = []
  for (const { env = [], envFrom = [] } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    for (const { valueFrom } of env) {
      names.push(resource === 'secrets' ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name)
    }
    for (const source of envFrom)
      names.push(resource === 'secrets' ? source.secretRef?.name : source.configMapRef?.name)
  }
  for (const { secret, configMap, projected } of spec.volumes ?? []) {
    names.push(resource === 'secrets' ? secret?.secretName : configMap?.name)
    for (const source of projected?.sources ?? []) {
      names.push(resource === 'secrets' ? source.secret?.name : source.configMap?.name)
    }
  }
  if (resource === 'secrets') for (const { name } of spec.imagePullSecrets ?? []) names.push(name)
  return names.filter((name) => name !== undefined)
}
