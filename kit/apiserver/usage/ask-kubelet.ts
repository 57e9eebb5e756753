/** One question to a kubelet, as the API server: over TLS, known by its certificate. */
import { Agent, get } from 'node:https'
import type { HttpServerOptions } from '../../contracts/apiserver.ts'

const PATIENCE_MS = 10_000
/** What a node with all its pods may have to say. */
const MAX_CHARACTERS = 16 * 1024 * 1024

export interface KubeletAsker {
  /** The text of an answer with code 200; throws otherwise. */
  ask(kubelet: { readonly address: string; readonly port: number }, path: string): Promise<string>
  close(): void
}

export function createKubeletAsker(options: NonNullable<HttpServerOptions['kubelet']>): KubeletAsker {
  const agent = new Agent({
    keepAlive: false,
    ...(options.certificateAuthority && { ca: options.certificateAuthority }),
    ...(options.clientCertificate && { cert: options.clientCertificate }),
    ...(options.clientPrivateKey && { key: options.clientPrivateKey }),
  })
  return {
    ask: ({ address, port }, path) =>
      new Promise((resolve, reject) => {
        const signal = AbortSignal.timeout(PATIENCE_MS)
        const request = get({ host: address, port, path, agent, signal }, async (answer) => {
          try {
            let text = ''
            for await (const chunk of answer.setEncoding('utf8')) {
              text += chunk
              if (text.length > MAX_CHARACTERS) throw new Error('the answer does not end')
            }
            if (answer.statusCode === 200) resolve(text)
            else reject(new Error(`${path} answers ${answer.statusCode}: ${text.slice(0, 200).trim()}`))
          } catch (error) {
            reject(error)
          }
        })
        request.once('error', reject)
      }),
    close: () => agent.destroy(),
  }
}
