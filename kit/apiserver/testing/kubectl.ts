/**
 * Runs the real kubectl against a server, with a home directory of its own, so that nothing of the user's configuration
 * or caches is read or written.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'

export interface KubectlResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface KubectlOptions {
  readonly stdin?: string
  /** More environment variables, such as EDITOR. */
  readonly environment?: Readonly<Record<string, string>>
  /** Called with all that was printed so far, whenever there is more; true ends the command as Ctrl-C would. */
  enough?(stdout: string): boolean | Promise<boolean>
}

export interface Kubectl {
  /** `kubectl('get pods -l "app in (a, b)"')`: words are split at spaces, quotes keep them together. */
  (command: string, options?: KubectlOptions): Promise<KubectlResult>
  /** What the command prints; throws with what it says on standard error when it fails. */
  output(command: string, options?: KubectlOptions): Promise<string>
  /** The file that says where the server is and who we are. */
  readonly kubeconfig: string
  /** Where commands run: files for them go here. */
  readonly directory: string
  remove(): void
}

export interface KubectlTarget {
  readonly server: string
  readonly certificateAuthority?: string
  readonly clientCertificate?: string
  readonly clientKey?: string
}

/** @param program another version than the one that is called kubectl */
export function createKubectl(target: KubectlTarget, program = 'kubectl'): Kubectl {
  const home = mkdtempSync(join(tmpdir(), 'brain-and-muscle-kubectl-'))
  const kubeconfig = join(home, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText(target), { mode: 0o600 })
  const environment = { PATH: process.env.PATH, HOME: home, KUBECONFIG: kubeconfig }

  const kubectl = (command: string, { stdin, enough, environment: more }: KubectlOptions = {}) =>
    new Promise<KubectlResult>((resolve, reject) => {
      const child = spawn(program, splitWords(command), { cwd: home, env: { ...environment, ...more } })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (text) => {
        stdout += text
        void Promise.resolve(enough?.(stdout)).then((isEnough) => isEnough && child.kill('SIGINT'))
      })
      child.stderr.setEncoding('utf8').on('data', (text) => {
        stderr += text
      })
      child.stdin.on('error', () => {})
      child.stdin.end(stdin ?? '')
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, stdout, stderr }))
    })
  return Object.assign(kubectl, {
    kubeconfig,
    directory: home,
    async output(command: string, options?: KubectlOptions) {
      const { code, stdout, stderr } = await kubectl(command, options)
      if (code !== 0) throw new Error(`kubectl ${command} exited with ${code}: ${stderr}${stdout}`)
      return stdout
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  })
}

function splitWords(command: string): string[] {
  const words = command.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? []
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single))
}

function kubeconfigText({ server, certificateAuthority, clientCertificate, clientKey }: KubectlTarget): string {
  const field = (name: string, pem: string | undefined) =>
    pem && { [`${name}-data`]: Buffer.from(pem).toString('base64') }
  const cluster = { server, ...field('certificate-authority', certificateAuthority) }
  const user = { ...field('client-certificate', clientCertificate), ...field('client-key', clientKey) }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
  })
}
