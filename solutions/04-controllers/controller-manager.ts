/** The composition root of kube-controller-manager: which controllers run. */
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { startDeploymentController } from './deployment/controller.ts'
import { startReplicaSetController } from './replicaset/controller.ts'
import { type CommonOptions, runControllers } from './run-controllers.ts'

export interface ControllerManagerOptions extends CommonOptions {
  /** A node that was silent for so long is not ready. Default 40 s. */
  readonly nodeMonitorGracePeriodMs?: number
  /** How often to look at the heartbeats. Default 5 s. */
  readonly nodeMonitorPeriodMs?: number
  /** PEM; published to every namespace as the ConfigMap kube-root-ca.crt. */
  readonly rootCertificateAuthority?: string | undefined
}

export async function startControllerManager(options: ControllerManagerOptions): Promise<RunningComponent> {
  return runControllers(
    'kube-controller-manager',
    {
      deployment: startDeploymentController,
      replicaset: (context) => startReplicaSetController(context, 'replicaSets'),
      replicationcontroller: (context) => startReplicaSetController(context, 'replicationControllers'),
    },
    options,
  )
}
