/** Process entry: the kubelet of one node. Flags as upstream's where upstream has them. */
import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { createDockerRuntime } from '#kubelet/docker-runtime.ts'
import { startKubelet } from '#kubelet/kubelet.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { createLog } from '../../contracts/log.ts'
import { connectDocker } from '../../runtime/docker-engine.ts'
import { createFakeRuntime } from '../../runtime/fake-runtime.ts'
import { nodeContainerName } from '../node-container.ts'
import { runAsProgram, type StartProgram } from './program.ts'

interface Flags {
  kubeconfig: string
  hostnameOverride: string
  nodeIp: string
  podCidr: string
  address: string
  port: string
  tlsCertFile: string
  tlsPrivateKeyFile: string
  clientCaFile: string
  runtime: 'docker' | 'fake'
  clusterName: string
  network: string
  rootDir: string
}

/** Where the node container listens for the kubelet, and sends callers on to this process. */
const NODE_KUBELET_PORT = 10250

export const start: StartProgram = async (argv) => {
  const flags = readFlags(argv)
  const log = createLog(`kubelet ${flags.hostnameOverride}`)
  const client = createApiClient(loadKubeconfig(flags.kubeconfig), 'kubelet')
  const port = Number(flags.port)
  return startKubelet({
    client,
    runtime: flags.runtime === 'fake' ? createFakeRuntime() : dockerRuntime(flags),
    nodeName: flags.hostnameOverride,
    nodeIp: flags.nodeIp,
    podCidr: flags.podCidr,
    rootDir: flags.rootDir,
    server: {
      address: flags.address,
      port,
      tls: {
        cert: readFileSync(flags.tlsCertFile, 'utf8'),
        key: readFileSync(flags.tlsPrivateKeyFile, 'utf8'),
        clientCa: readFileSync(flags.clientCaFile, 'utf8'),
      },
    },
    advertisedPort: flags.runtime === 'docker' ? NODE_KUBELET_PORT : port,
    log,
  })
}

function dockerRuntime({ clusterName, hostnameOverride: nodeName, network, nodeIp }: Flags) {
  const nodeContainer = nodeContainerName(clusterName, nodeName)
  const sandboxImage = 'brain-and-muscle/pause:1'
  return createDockerRuntime(connectDocker(), { clusterName, nodeName, network, nodeIp, nodeContainer, sandboxImage })
}

function readFlags(argv: readonly string[]): Flags {
  return new Command('kubelet')
    .description('Makes the pods of its node run, and reports how they are.')
    .requiredOption('--kubeconfig <path>', 'how to reach the API server, and who we are')
    .requiredOption('--hostname-override <name>', "the node's name")
    .requiredOption('--node-ip <ip>', "the node's address")
    .requiredOption('--pod-cidr <cidr>', "addresses for this node's pods")
    .option('--address <ip>', 'where to serve logs and exec', '127.0.0.1')
    .option('--port <port>', 'where to serve logs and exec', String(NODE_KUBELET_PORT))
    .requiredOption('--tls-cert-file <path>', "the server's certificate")
    .requiredOption('--tls-private-key-file <path>', 'its key')
    .requiredOption('--client-ca-file <path>', 'whose client certificates are accepted')
    .addOption(new Option('--runtime <name>', 'what runs the containers').choices(['docker', 'fake']).default('docker'))
    .option('--cluster-name <name>', 'a label on everything that is created', 'default')
    .option('--network <name>', "the cluster's Docker network", 'bm-default')
    .option('--gateway <ip>', "the host's address there (accepted; pods learn it from the network)")
    .requiredOption('--root-dir <path>', 'where volumes lie')
    .parse(argv, { from: 'user' })
    .opts<Flags>()
}

runAsProgram(import.meta.url, 'kubelet', start)
