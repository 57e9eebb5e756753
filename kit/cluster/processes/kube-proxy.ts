/** Process entry: kube-proxy of one node, against the API server of a kubeconfig, ours or a real one. */
import { Command } from 'commander'
import Dockerode from 'dockerode'
import { startKubeProxy } from '#proxy/proxier.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { createLog, type Log } from '../../contracts/log.ts'
import type { RuleApplier } from '../../contracts/proxy-rules.ts'
import type { RunningComponent } from '../../contracts/running-component.ts'
import { MemoryIptables } from '../../sim/memory-iptables.ts'
import { createNodeIptables } from '../node-iptables.ts'
import { runAsProgram } from './program.ts'

interface Flags {
  readonly kubeconfig: string
  readonly hostnameOverride: string
  readonly clusterCidr: string
  readonly nodeIp?: string
  readonly nodeContainer?: string
}

export async function start(argv: readonly string[]): Promise<RunningComponent> {
  const flags = new Command('kube-proxy')
    .description("Makes a node's network rules follow Services and their endpoints.")
    .requiredOption('--kubeconfig <path>', 'how to reach the API server, and who we are')
    .requiredOption('--hostname-override <name>', "the node's name")
    .requiredOption('--cluster-cidr <cidr>', 'addresses of all pods')
    .option('--node-ip <address>', "the node's own address")
    .option(
      '--node-container <name>',
      'the container whose network stack gets the rules; without it they are only logged',
    )
    .parse([...argv], { from: 'user' })
    .opts<Flags>()

  const log = createLog(`kube-proxy ${flags.hostnameOverride}`)
  const client = createApiClient(loadKubeconfig(flags.kubeconfig), 'kube-proxy')
  const applier = flags.nodeContainer ? createNodeIptables(new Dockerode(), flags.nodeContainer) : onlyLog(log)
  const config = { clusterCidr: flags.clusterCidr, ...(flags.nodeIp && { nodeIp: flags.nodeIp }) }
  const proxy = await startKubeProxy({ client, nodeName: flags.hostnameOverride, config, applier, log })
  return {
    async stop() {
      await proxy.stop()
      client.close()
    },
  }
}

/** For a cluster without real network stacks: shows what would have been applied. */
function onlyLog(log: Log): RuleApplier {
  return new MemoryIptables((text) => log.info(`rules, not applied for want of a --node-container:\n${text}`))
}

runAsProgram(import.meta.url, 'kube-proxy', start)
