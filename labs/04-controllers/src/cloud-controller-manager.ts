/** The composition root of cloud-controller-manager: what a cluster needs from whoever owns the machines. */
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { startServiceController } from './cloud/controller.ts'
import { type CommonOptions, runControllers } from './run-controllers.ts'

export async function startCloudControllerManager(options: CommonOptions): Promise<RunningComponent> {
  return runControllers('cloud-controller-manager', { service: startServiceController }, options)
}
