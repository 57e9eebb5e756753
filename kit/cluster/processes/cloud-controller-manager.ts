/** Process entry: the part of lab 4 that stands for a cloud provider, against the API server of a kubeconfig. */
import { Command } from 'commander'
import { startCloudControllerManager } from '#controllers/cloud-controller-manager.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { createLog } from '../../contracts/log.ts'
import { runAsProgram, type StartProgram } from './program.ts'

export const start: StartProgram = async (argv) => {
  const flags = new Command('cloud-controller-manager')
    .description('Gives Services of type LoadBalancer addresses: those of the nodes.')
    .requiredOption('--kubeconfig <path>', 'how to reach the API server, and who we are')
    .option('--leader-elect [bool]', 'run only while holding the Lease kube-system/cloud-controller-manager', 'false')
    .parse(argv, { from: 'user' })
    .opts<{ kubeconfig: string; leaderElect: string | boolean }>()
  const client = createApiClient(loadKubeconfig(flags.kubeconfig), 'cloud-controller-manager')
  const running = await startCloudControllerManager({
    client,
    log: createLog('cloud-controller-manager'),
    leaderElect: String(flags.leaderElect) === 'true',
  })
  return {
    async stop() {
      await running.stop()
      client.close()
    },
  }
}

runAsProgram(import.meta.url, 'cloud-controller-manager', start)
