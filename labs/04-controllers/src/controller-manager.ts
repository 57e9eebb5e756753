/** The composition root of kube-controller-manager: which controllers run. */
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import type { ControllerContext } from './controller.ts'
import { startDeploymentController } from './deployment/controller.ts'
import { startDisruptionController } from './disruption/controller.ts'
import { startMarkController } from './disruption/stale-marks.ts'
import { startEndpointSliceController, startEndpointsController } from './endpoints/controllers.ts'
import { startGarbageCollector } from './garbage/controller.ts'
import { startNamespaceController } from './namespaces/controller.ts'
import { startRootCaPublisher, startServiceAccountController } from './namespaces/furnish.ts'
import { startNodeLifecycleController, startTaintEvictionController } from './nodes/controllers.ts'
import { startPodGarbageCollector } from './nodes/pod-gc.ts'
import { startTtlController } from './nodes/ttl.ts'
import { startQuotaController } from './quota/controller.ts'
import { startReplicaSetController } from './replicaset/controller.ts'
import { type CommonOptions, runControllers, type Starters } from './run-controllers.ts'

export interface ControllerManagerOptions extends CommonOptions {
  /** A node that was silent for so long is not ready. Default 40 s. */
  readonly nodeMonitorGracePeriodMs?: number
  /** How often to look at the heartbeats. Default 5 s. */
  readonly nodeMonitorPeriodMs?: number
  /** PEM; published to every namespace as the ConfigMap kube-root-ca.crt. */
  readonly rootCertificateAuthority?: string | undefined
}

export async function startControllerManager(options: ControllerManagerOptions): Promise<RunningComponent> {
  const { nodeMonitorGracePeriodMs = 40_000, nodeMonitorPeriodMs = 5_000, rootCertificateAuthority } = options
  const monitoring = { graceMs: nodeMonitorGracePeriodMs, periodMs: nodeMonitorPeriodMs }
  const starters: Starters = {
    serviceaccount: startServiceAccountController,
    deployment: startDeploymentController,
    replicaset: (context) => startReplicaSetController(context, 'replicaSets'),
    replicationcontroller: (context) => startReplicaSetController(context, 'replicationControllers'),
    endpointslice: startEndpointSliceController,
    endpoint: startEndpointsController,
    nodelifecycle: (context) => startNodeLifecycleController(context, monitoring),
    tainteviction: startTaintEvictionController,
    podgc: startPodGarbageCollector,
    ttl: startTtlController,
    disruption: startDisruptionController,
    stalepoddisruption: startMarkController,
    resourcequota: startQuotaController,
    garbagecollector: startGarbageCollector,
    namespace: startNamespaceController,
    ...(rootCertificateAuthority && {
      rootcapublisher: (context: ControllerContext) => startRootCaPublisher(context, rootCertificateAuthority),
    }),
  }
  return runControllers('kube-controller-manager', starters, options)
}
