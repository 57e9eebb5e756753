/** Process entry: the scheduler against the API server of a kubeconfig, ours or a real one. */
import { Command } from 'commander'
import { startScheduler } from '#scheduler/scheduler.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { createLog } from '../../contracts/log.ts'
import { runAsProgram, type StartProgram } from './program.ts'

export const start: StartProgram = async (argv) => {
  const flags = new Command('kube-scheduler')
    .description('Assigns pods to nodes.')
    .requiredOption('--kubeconfig <path>', 'how to reach the API server, and who we are')
    .option('--leader-elect [bool]', 'accepted for compatibility; this scheduler runs alone', 'false')
    .parse(argv, { from: 'user' })
    .opts<{ kubeconfig: string; leaderElect: string | boolean }>()

  const log = createLog('kube-scheduler')
  if (String(flags.leaderElect) === 'true') {
    log.warn('--leader-elect has no effect yet: do not run two schedulers of the same name side by side')
  }
  const client = createApiClient(loadKubeconfig(flags.kubeconfig), 'kube-scheduler')
  const scheduler = await startScheduler({ client, log })
  return {
    async stop() {
      await scheduler.stop()
      client.close()
    },
  }
}

runAsProgram(import.meta.url, 'kube-scheduler', start)
