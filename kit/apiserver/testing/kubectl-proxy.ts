/** Runs `kubectl proxy`: a port of this machine behind which the API server answers without asking who we are. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface KubectlProxy {
  /** "http://127.0.0.1:40123" */
  readonly url: string
  stop(): Promise<void>
}

export async function startKubectlProxy(kubeconfig: string): Promise<KubectlProxy> {
  const child = spawn('kubectl', ['proxy', '--port=0'], { env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig } })
  let printed = ''
  for await (const text of child.stdout.setEncoding('utf8')) {
    printed += text
    const address = /serve on (\S+)/.exec(printed)?.[1]
    if (!address) continue
    return {
      url: `http://${address}`,
      async stop() {
        const closed = once(child, 'close')
        child.kill()
        await closed
      },
    }
  }
  throw new Error(`kubectl proxy ended: ${printed}`)
}
