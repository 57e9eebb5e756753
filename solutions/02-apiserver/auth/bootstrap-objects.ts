/**
 * The roles and bindings that a new cluster begins with, as objects: upstream's (given, in short form, in
 * kit/apiserver/bootstrap-roles.ts), and a few for components that are more here than upstream.
 *
 * Source: kubernetes `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy,controller_policy,namespace_policy}.go`.
 */
import type { ApiObject } from '#kit/api/objects.ts'
import { type Resource, resources } from '#kit/api/resources.ts'
import {
  type BindingFacts,
  clusterRoleBindings,
  clusterRoles,
  type RoleFacts,
  roleBindings,
  roles,
} from '#kit/apiserver/bootstrap-roles.ts'
import { withAggregatedRules } from './aggregation.ts'
import type { PolicyRule } from './rbac.ts'
import type { RoleObject, Subject } from './role-objects.ts'

const GROUP = resources.roles.group

export interface BootstrapObject {
  readonly resource: Resource
  readonly object: ApiObject
}

/**
 * Roles that only this cluster needs. Its controller manager is one identity, so it has at once what upstream gives its
 * controllers one by one (`system:controller:…`); upstream's cloud controller manager and metrics server bring theirs along.
 */
const ownRoles: Readonly<Record<string, RoleFacts>> = {
  'brain-and-muscle:all-controllers': {
    rules: [
      'create,patch,update core,events.k8s.io events',
      'create,delete,get,list,patch,update,watch coordination.k8s.io leases',
      // The garbage collector and the namespace controller must see and delete everything.
      'delete,deletecollection,get,list,patch,update,watch * *',
      'create core configmaps,endpoints,pods,secrets,serviceaccounts,serviceaccounts/token',
      'create apps replicasets',
      'create discovery.k8s.io endpointslices',
    ],
  },
  'system:aggregated-metrics-reader': {
    aggregatesTo: 'view',
    rules: ['get,list,watch metrics.k8s.io nodes,pods'],
  },
  'system:cloud-controller-manager': {
    rules: [
      'create,patch,update core,events.k8s.io events',
      'create,get,list,patch,update,watch coordination.k8s.io leases',
      'get,list,patch,update,watch core nodes,services',
      'patch,update core nodes/status,services/status',
    ],
  },
}

const ownBindings: Readonly<Record<string, BindingFacts>> = {
  'brain-and-muscle:all-controllers': {
    role: 'brain-and-muscle:all-controllers',
    subjects: ['User:system:kube-controller-manager'],
  },
  'system:cloud-controller-manager': {
    role: 'system:cloud-controller-manager',
    subjects: ['User:system:cloud-controller-manager'],
  },
}

export function bootstrapObjects(): BootstrapObject[] {
  const ofCluster = withAggregatedRules(objectsOf({ ...clusterRoles, ...ownRoles }, roleOf))
  return [
    ...ofCluster.map((object) => ({ resource: resources.clusterRoles, object })),
    ...objectsOf({ ...clusterRoleBindings, ...ownBindings }, bindingOf).map((object) => ({
      resource: resources.clusterRoleBindings,
      object,
    })),
    ...objectsOfNamespaces(resources.roles, roles, roleOf),
    ...objectsOfNamespaces(resources.roleBindings, roleBindings, bindingOf),
  ]
}

type ByName<Facts> = Readonly<Record<string, Facts>>
type Make<Facts, Made extends ApiObject> = (name: string, facts: Facts, namespace?: string) => Made

function objectsOf<Facts, Made extends ApiObject>(
  facts: ByName<Facts>,
  make: Make<Facts, Made>,
  namespace?: string,
): Made[] {
  return Object.entries(facts).map(([name, one]) => make(name, one, namespace))
}

function objectsOfNamespaces<Facts>(
  resource: Resource,
  facts: ByName<ByName<Facts>>,
  make: Make<Facts, ApiObject>,
): BootstrapObject[] {
  return Object.entries(facts).flatMap(([namespace, byName]) =>
    objectsOf(byName, make, namespace).map((object) => ({ resource, object })),
  )
}

function metadataOf(name: string, namespace?: string, labels: Record<string, string> = {}): ApiObject['metadata'] {
  return {
    name,
    ...(namespace && { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  }
}

function roleOf(name: string, { aggregatesTo, aggregates, rules }: RoleFacts, namespace?: string): RoleObject {
  const label = (role: string) => ({ [`${GROUP}/aggregate-to-${role}`]: 'true' })
  return {
    metadata: metadataOf(name, namespace, aggregatesTo ? label(aggregatesTo) : {}),
    ...(aggregates && { aggregationRule: { clusterRoleSelectors: [{ matchLabels: label(aggregates) }] } }),
    rules: rules.map(ruleOf),
  }
}

/** "get,list core pods,services", "get core secrets tls", "get /healthz,/livez". */
function ruleOf(text: string): PolicyRule {
  const [verbs = [], where = [], resourcesOfRule, resourceNames] = text.split(' ').map((word) => word.split(','))
  if (!resourcesOfRule) return { verbs, nonResourceURLs: where }
  const apiGroups = where.map((group) => (group === 'core' ? '' : group))
  return { verbs, apiGroups, resources: resourcesOfRule, ...(resourceNames && { resourceNames }) }
}

function bindingOf(name: string, { role, subjects }: BindingFacts, namespace?: string): ApiObject {
  return {
    metadata: metadataOf(name, namespace),
    roleRef: { apiGroup: GROUP, kind: namespace ? 'Role' : 'ClusterRole', name: role },
    ...(subjects.length > 0 && { subjects: subjects.map(subjectOf) }),
  }
}

function subjectOf(text: string): Subject {
  const [, kind = '', who = ''] = /^(\w+):(.*)$/.exec(text) ?? []
  if (kind !== 'ServiceAccount') return { kind, apiGroup: GROUP, name: who }
  const [namespace = '', name = ''] = who.split('/')
  return { kind, namespace, name }
}
