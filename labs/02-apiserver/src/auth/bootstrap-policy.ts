/**
 * Who may do what from the first day: upstream's roles for the components, as far as this cluster has the kinds.
 *
 * The controller manager is one identity here, so it has at once what upstream gives its controllers one by one
 * (`system:controller:…`). Node identities are not here: node-authorizer.ts decides about them.
 *
 * Source: kubernetes `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy,controller_policy}.go`.
 */
import type { PolicyRule, RoleBinding } from './rbac.ts'

const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'update', 'patch', 'delete']

const writeEvents: PolicyRule = {
  verbs: ['create', 'patch', 'update'],
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
}

const leases = (...verbs: string[]): PolicyRule => ({
  verbs,
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
})

/** Anybody may ask how the server is, and which one it is. */
const publicInfoViewer: RoleBinding = {
  groups: ['system:authenticated', 'system:unauthenticated'],
  rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] }],
}

/** Whoever is known may look at what the server offers. */
const discovery: RoleBinding = {
  groups: ['system:authenticated'],
  rules: [
    {
      verbs: ['get'],
      nonResourceURLs: [
        '/api',
        '/api/*',
        '/apis',
        '/apis/*',
        '/openapi',
        '/openapi/*',
        '/healthz/*',
        '/readyz/*',
        '/livez/*',
      ],
    },
    {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    },
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  ],
}

const scheduler: RoleBinding = {
  users: ['system:kube-scheduler'],
  rules: [
    writeEvents,
    leases('create', 'get', 'list', 'update', 'patch', 'watch'),
    { verbs: READ, apiGroups: [''], resources: ['nodes', 'namespaces', 'replicationcontrollers', 'services'] },
    { verbs: [...READ, 'delete'], apiGroups: [''], resources: ['pods'] },
    { verbs: ['create'], apiGroups: [''], resources: ['bindings', 'pods/binding'] },
    { verbs: ['patch', 'update'], apiGroups: [''], resources: ['pods/status'] },
    { verbs: READ, apiGroups: ['apps', 'policy', 'storage.k8s.io'], resources: ['*'] },
    { verbs: READ, apiGroups: [''], resources: ['persistentvolumes', 'persistentvolumeclaims'] },
  ],
}

const controllerManager: RoleBinding = {
  users: ['system:kube-controller-manager'],
  rules: [
    writeEvents,
    leases('create', 'get', 'list', 'update', 'patch', 'watch', 'delete'),
    // The garbage collector and the namespace controller must see and delete everything.
    { verbs: [...READ, 'delete', 'deletecollection', 'patch', 'update'], apiGroups: ['*'], resources: ['*'] },
    { verbs: WRITE, apiGroups: [''], resources: ['pods', 'endpoints', 'serviceaccounts', 'secrets', 'configmaps'] },
    { verbs: WRITE, apiGroups: ['apps'], resources: ['replicasets'] },
    { verbs: WRITE, apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
    { verbs: ['update', 'patch'], apiGroups: ['*'], resources: ['*/status', '*/scale', 'namespaces/finalize'] },
    { verbs: ['create'], apiGroups: [''], resources: ['serviceaccounts/token'] },
  ],
}

const cloudControllerManager: RoleBinding = {
  users: ['system:cloud-controller-manager'],
  rules: [
    writeEvents,
    leases('create', 'get', 'list', 'update', 'patch', 'watch'),
    { verbs: [...READ, 'patch', 'update'], apiGroups: [''], resources: ['nodes', 'services'] },
    { verbs: ['patch', 'update'], apiGroups: [''], resources: ['nodes/status', 'services/status'] },
  ],
}

const kubeProxy: RoleBinding = {
  users: ['system:kube-proxy'],
  rules: [
    writeEvents,
    { verbs: READ, apiGroups: [''], resources: ['endpoints', 'services', 'nodes'] },
    { verbs: READ, apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  ],
}

export const bootstrapPolicy: readonly RoleBinding[] = [
  publicInfoViewer,
  discovery,
  scheduler,
  controllerManager,
  cloudControllerManager,
  kubeProxy,
]
