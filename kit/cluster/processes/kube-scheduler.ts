/** Process entry: the scheduler against the API server of a kubeconfig, ours or a real one. */
import { Command } from 'commander'
import { startScheduler } from '#scheduler/scheduler.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { createLog } from '../../contracts/log.ts'

const { kubeconfig, leaderElect } = new Command('kube-scheduler')
  .description('Assigns pods to nodes.')
  .requiredOption('--kubeconfig <path>', 'how to reach the API server, and who we are')
  .option('--leader-elect [bool]', 'accepted for compatibility; this scheduler runs alone', 'false')
  .parse()
  .opts<{ kubeconfig: string; leaderElect: string | boolean }>()

const log = createLog('kube-scheduler')
if (String(leaderElect) === 'true') {
  log.warn('--leader-elect has no effect yet: do not run two schedulers of the same name side by side')
}

const client = createApiClient(loadKubeconfig(kubeconfig), 'kube-scheduler')
const scheduler = await startScheduler({ client, log })

async function stop(): Promise<void> {
  await scheduler.stop()
  client.close()
  process.exit(0)
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
