/**
 * Rules into a node container's network stack and out of it again: `docker exec -i <container> iptables-restore --noflush`.
 */
import type Dockerode from 'dockerode'
import type { RuleApplier } from '../contracts/proxy-rules.ts'
import { execInContainer } from './container-exec.ts'

export function createNodeIptables(docker: Dockerode, container: string): RuleApplier {
  async function run(command: readonly string[], input?: string): Promise<string> {
    const { exitCode, stdout, stderr } = await execInContainer(docker, container, command, input)
    if (exitCode !== 0)
      throw new Error(`${command.join(' ')} in ${container} exited with ${exitCode}: ${stderr || stdout}`)
    return stdout
  }

  return {
    async save() {
      const tables = await Promise.all(['nat', 'filter'].map((table) => run(['iptables-save', '-t', table])))
      return tables.join('')
    },
    async restore(text) {
      await run(['iptables-restore', '--wait', '10', '--noflush'], text)
    },
    onReset(callback) {
      const listening = new AbortController()
      void followStarts(docker, container, callback, listening.signal)
      return () => listening.abort()
    },
  }
}

const RECONNECT_MS = 2_000

/** A container that starts has a new network stack. The engine's events tell; a lost connection to it is made again. */
async function followStarts(
  docker: Dockerode,
  container: string,
  started: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const filters = { type: ['container'], container: [container], event: ['start'] }
      const events = await docker.getEvents({ filters: JSON.stringify(filters), abortSignal: signal })
      for await (const _ of events as AsyncIterable<unknown>) started()
    } catch {
      // The engine is away, or we are told to stop.
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS).unref())
  }
}
