/**
 * The API server's way to kubelets: logs are fetched from them, exec, attach and port-forward are connected through to them.
 *
 * Guarantee: a kubelet that refuses, or is not there, becomes a `Status`; no client is left hanging.
 * Source: kubernetes `pkg/registry/core/pod/rest/{log,subresources}.go`, apimachinery `util/proxy/upgradeaware.go`.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StatusError } from '../api/status-error.ts'
import type { HttpServerOptions, KubeletStream } from '../contracts/apiserver.ts'
import { type Exchange, setCommonHeaders } from './answer.ts'
import { answerOf, kubeletAgent, kubeletRequest, refusal } from './kubelet-request.ts'
import { createKubeletStreams } from './kubelet-streams.ts'

export interface KubeletConnection {
  /** Answers with the kubelet's text as it comes; `follow` goes on until either side has enough. */
  sendLog(exchange: Exchange, stream: KubeletStream): Promise<void>
  /** Connects the client's socket with the kubelet's. Rejects when there is nothing to connect it with. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer, stream: KubeletStream): Promise<void>
  /** Ends all streams. */
  close(): void
}

export function createKubeletConnection(options: NonNullable<HttpServerOptions['kubelet']>): KubeletConnection {
  const agent = kubeletAgent(options)
  const open = new Set<Duplex | ClientRequest>()
  const track = (stream: Duplex | ClientRequest) => {
    open.add(stream)
    stream.once('close', () => open.delete(stream))
  }

  return {
    async sendLog({ request, response }, stream) {
      if (stream.operation !== 'log') {
        throw new StatusError(400, 'BadRequest', 'Upgrade request required')
      }
      const upstream = kubeletRequest(agent, stream, request.method ?? 'GET', {})
      track(upstream)
      response.once('close', () => upstream.destroy())
      if (response.destroyed) upstream.destroy()
      upstream.end()
      const answer = await answerOf(upstream, stream)
      if (answer.statusCode !== 200) throw await refusal(answer, stream)
      setCommonHeaders(response)
      response.setHeader('Content-Type', 'text/plain')
      response.flushHeaders()
      await pipeline(answer, response)
    },

    connect: createKubeletStreams(agent, track),

    close() {
      for (const stream of open) stream.destroy()
      agent.destroy()
    },
  }
}
