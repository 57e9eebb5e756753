/**
 * How a probe's question is put: a command in the container, an HTTP request, a connection.
 *
 * The kubelet runs on the host and reaches pods directly; only commands go through the runtime.
 *
 * Source: kubernetes `pkg/probe` (exec, http, tcp).
 */
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { Container, Probe } from '#kit/api/objects.ts'
import type { RuntimeService } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { isHttpSuccess } from './probes.ts'

/** Undefined is yes; otherwise what was wrong. */
export async function askOnce(
  runtime: RuntimeService,
  probe: Probe,
  container: Container,
  containerId: string,
  podIp: string,
): Promise<string | undefined> {
  const timeoutSeconds = probe.timeoutSeconds ?? 1
  try {
    if (probe.exec) {
      const { exitCode, stdout, stderr } = await runtime.execSync(containerId, probe.exec.command ?? [], timeoutSeconds)
      return exitCode === 0 ? undefined : stdout + stderr
    }
    if (probe.httpGet) {
      const { host = podIp, path = '/', port, scheme = 'HTTP', httpHeaders = [] } = probe.httpGet
      const url = `${scheme.toLowerCase()}://${host}:${portNumber(container, port)}${path.startsWith('/') ? path : `/${path}`}`
      const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]))
      const statusCode = await httpStatus(url, { 'User-Agent': 'kube-probe/1.32', ...headers }, timeoutSeconds * 1000)
      return isHttpSuccess(statusCode) ? undefined : `HTTP probe failed with statuscode: ${statusCode}`
    }
    if (probe.tcpSocket) {
      const { host = podIp, port } = probe.tcpSocket
      await connect(host, portNumber(container, port), timeoutSeconds * 1000)
    }
    return undefined
  } catch (error) {
    return describeError(error)
  }
}

/** A port may be named after one of the container's. */
function portNumber(container: Container, port: number | string): number {
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port)
}

function httpStatus(url: string, headers: Record<string, string>, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { headers, timeout: timeoutMs, agent: false, rejectUnauthorized: false }
    const request = (url.startsWith('https:') ? https : http).get(url, options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error(`Get "${url}": context deadline exceeded`)))
    request.on('error', reject)
  })
}

function connect(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, timeout: timeoutMs }, () => {
      socket.destroy()
      resolve()
    })
    socket.on('timeout', () => socket.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`)))
    socket.on('error', reject)
  })
}
