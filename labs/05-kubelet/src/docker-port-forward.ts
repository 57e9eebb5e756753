/**
 * A connection into a pod's network.
 *
 * The pod's address can be dialled from here, so most connections are plain ones. But a server that listens on the pod's
 * loopback only, or a pod without an address of its own, can be reached from inside alone: there the sandbox runs `nc`, which
 * is what upstream's Docker shim did with `socat`. (Such a server must listen on IPv4. And an `nc` whose client has gone ends
 * when the server does.)
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim/docker_streaming_others.go`.
 */
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { DockerEngine } from '#kit/runtime/docker-engine.ts'
import { processDuplex } from '#kit/runtime/process-duplex.ts'

/** The network is a bridge on this machine; what takes longer is not there. */
const DIAL_PATIENCE_MS = 500

/** @param ip the pod's; undefined when it shares its node's network */
export async function portForward(
  docker: DockerEngine,
  sandboxId: string,
  ip: string | undefined,
  port: number,
): Promise<Duplex> {
  const dialled = ip === undefined ? undefined : await dial(ip, port)
  if (dialled) return dialled
  const options = { stdin: true, stdout: true, stderr: true, tty: false }
  return processDuplex(await docker.exec(sandboxId, ['nc', '127.0.0.1', String(port)], options))
}

/** Undefined when nobody is there. */
function dial(host: string, port: number): Promise<Duplex | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, timeout: DIAL_PATIENCE_MS })
    const fail = () => {
      socket.destroy()
      resolve(undefined)
    }
    socket.once('error', fail).once('timeout', fail)
    socket.once('connect', () => {
      socket.off('error', fail).off('timeout', fail).setTimeout(0)
      resolve(socket)
    })
  })
}
