/**
 * exec, attach and port-forward: which container or pod is meant, and what the caller speaks. The API server comes with a
 * WebSocket or with SPDY; upstream's mostly with SPDY.
 *
 * Source: kubernetes `pkg/kubelet/server/server.go`, `staging/src/k8s.io/kubelet/pkg/cri/streaming`.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ProcessStreams, StreamOptions } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { acceptSpdy, acceptWebSocket } from '#kit/streaming/accept-upgrade.ts'
import { agreeOn, channelProtocol, offeredProtocols, SPDY_EXEC_PROTOCOLS, upgradeOf } from '#kit/streaming/protocols.ts'
import { StreamCollector, streamTypes } from '#kit/streaming/remote-command.ts'
import { servePortForward } from './port-forward-server.ts'
import { PROTOCOLS } from './remote-command.ts'
import { latestContainer, readPodStatus } from './runtime-pod-status.ts'
import { carryOverSpdy } from './spdy-streams.ts'
import { noCommonProtocol, refuseUpgrade, type StreamServerParts, type Upgrade } from './upgrades.ts'
import { carryOverWebSocket } from './web-socket-streams.ts'

/** `/exec/<namespace>/<pod>/<container>?command=…&input=1&output=1&error=1&tty=1`, `/attach/…`, `/portForward/<namespace>/<pod>`. */
export async function serveStreams(
  parts: StreamServerParts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { runtime, findPod } = parts
  const upgrade = { request, socket, head }
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [, verb, namespace = '', podName = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
  if (verb !== 'exec' && verb !== 'attach' && verb !== 'portForward') {
    return refuseUpgrade(socket, 404, '404 page not found')
  }
  const pod = findPod(namespace, podName)
  if (!pod) return refuseUpgrade(socket, 404, 'pod does not exist')
  if (verb === 'portForward') return servePortForward(parts, upgrade, pod, url.searchParams)

  // Upstream also has a form with the pod's uid before the container's name.
  const containerName = rest.at(-1) ?? ''
  const container = latestContainer(await readPodStatus(runtime, pod.metadata.uid), containerName)
  if (container?.state !== 'CONTAINER_RUNNING') {
    return refuseUpgrade(socket, 404, `container not found ("${containerName}")`)
  }
  const asked = streamOptions(url.searchParams)
  if (!asked.stdin && !asked.stdout && !asked.stderr) {
    return refuseUpgrade(socket, 400, 'you must specify at least 1 of stdin, stdout, stderr')
  }
  if (verb === 'attach') {
    const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {}
    const spec = [...containers, ...initContainers, ...ephemeralContainers].find(({ name }) => name === containerName)
    const options = { ...asked, tty: spec?.tty ?? false }
    return carryProcess(parts, upgrade, asked, () => runtime.attach(container.id, options))
  }
  const command = url.searchParams.getAll('command')
  if (command.length === 0) return refuseUpgrade(socket, 400, 'you must specify at least 1 command')
  return carryProcess(parts, upgrade, asked, () => runtime.exec(container.id, command, asked))
}

/** Agrees with the caller on a protocol, and starts the process when there is somebody to talk to it. */
async function carryProcess(
  { log }: StreamServerParts,
  { request, socket, head }: Upgrade,
  asked: StreamOptions,
  open: () => Promise<ProcessStreams>,
): Promise<void> {
  if (upgradeOf(request) === 'spdy') {
    const protocol = agreeOn(offeredProtocols(request, 'x-stream-protocol-version'), SPDY_EXEC_PROTOCOLS)
    if (protocol === undefined) return refuseUpgrade(socket, 403, noCommonProtocol(SPDY_EXEC_PROTOCOLS))
    const version = channelProtocol(protocol ? [protocol] : [])?.version ?? 1
    const collector = new StreamCollector(streamTypes(asked, version))
    const session = acceptSpdy(socket, head, protocol, (stream) => collector.add(stream))
    carryOverSpdy(session, collector, version, open).catch((error) => log.error(`streams ${request.url}`, error))
    return
  }
  const protocol = agreeOn(offeredProtocols(request, 'sec-websocket-protocol'), PROTOCOLS)
  if (protocol === undefined) return refuseUpgrade(socket, 403, noCommonProtocol(PROTOCOLS))
  const webSocket = await acceptWebSocket(request, socket, head, protocol)
  carryOverWebSocket(webSocket, open).catch((error) => {
    log.error(`streams ${request.url}`, error)
    // A WebSocket's good-bye has room for 123 bytes.
    webSocket.close(
      1011,
      describeError(error)
        .replace(/[^ -~]/g, '?')
        .slice(0, 123),
    )
  })
}

/** The kubelet's names are `input`, `output`, `error`; the API server's are `stdin`, `stdout`, `stderr`. */
function streamOptions(query: URLSearchParams): StreamOptions {
  const isOn = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''))
  const tty = isOn('tty')
  // A terminal has one screen for both.
  return {
    stdin: isOn('input', 'stdin'),
    stdout: isOn('output', 'stdout'),
    stderr: !tty && isOn('error', 'stderr'),
    tty,
  }
}
