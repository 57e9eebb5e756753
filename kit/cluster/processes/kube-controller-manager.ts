/** Process entry: all controllers of lab 4 except the cloud's, against the API server of a kubeconfig, ours or a real one. */
import { Command } from 'commander'
import { startControllerManager } from '#controllers/controller-manager.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { createLog } from '../../contracts/log.ts'
import { parseDurationMs } from './durations.ts'
import { runAsProgram, type StartProgram } from './program.ts'

export const start: StartProgram = async (argv) => {
  const flags = new Command('kube-controller-manager')
    .description('Moves the world towards what the objects ask for.')
    .requiredOption('--kubeconfig <path>', 'how to reach the API server, and who we are')
    .option('--leader-elect [bool]', 'run only while holding the Lease kube-system/kube-controller-manager', 'false')
    .option('--node-monitor-grace-period <duration>', 'a node silent for so long is not ready', '40s')
    .option('--node-monitor-period <duration>', 'how often to look at the heartbeats', '5s')
    .option('--cluster-cidr <cidr>', 'accepted; nodes bring their own pod CIDR')
    .parse(argv, { from: 'user' })
    .opts<{
      kubeconfig: string
      leaderElect: string | boolean
      nodeMonitorGracePeriod: string
      nodeMonitorPeriod: string
    }>()
  const connection = loadKubeconfig(flags.kubeconfig)
  const client = createApiClient(connection, 'kube-controller-manager')
  const running = await startControllerManager({
    client,
    log: createLog('kube-controller-manager'),
    leaderElect: String(flags.leaderElect) === 'true',
    nodeMonitorGracePeriodMs: parseDurationMs(flags.nodeMonitorGracePeriod),
    nodeMonitorPeriodMs: parseDurationMs(flags.nodeMonitorPeriod),
    rootCertificateAuthority: connection.certificateAuthority,
  })
  return {
    async stop() {
      await running.stop()
      client.close()
    },
  }
}

runAsProgram(import.meta.url, 'kube-controller-manager', start)
