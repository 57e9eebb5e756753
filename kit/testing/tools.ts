/**
 * Tests that need a tool of the machine (Docker, kubectl, etcdctl, …) run where it is, skip loudly where it is not, and fail
 * instead of skipping when CI is set: a green CI has really tried everything.
 */
import { spawnSync } from 'node:child_process'
import { describe } from 'vitest'

export type Tool = 'docker' | 'kubectl' | 'etcd' | 'etcdctl' | 'iptables' | 'chromium'

const probes: Record<Tool, readonly [string, ...string[]]> = {
  docker: ['docker', 'version', '--format', '{{.Server.Version}}'],
  kubectl: ['kubectl', 'version', '--client'],
  etcd: ['etcd', '--version'],
  etcdctl: ['etcdctl', 'version'],
  iptables: ['iptables', '--version'],
  chromium: ['chromium', '--version'],
}

const answers = new Map<Tool, boolean>()

/** Whether the tool is installed and answers. */
export function hasTool(tool: Tool): boolean {
  let answer = answers.get(tool)
  if (answer === undefined) {
    const [command, ...args] = probes[tool]
    answer = spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0
    answers.set(tool, answer)
  }
  return answer
}

/** `describe`, for tests that need these tools. */
export function describeWith(tools: readonly Tool[], title: string, body: () => void): void {
  const missing = tools.filter((tool) => !hasTool(tool))
  if (missing.length > 0 && !process.env.CI) {
    console.warn(
      `SKIPPED: "${title}" needs ${missing.join(' and ')}, which this machine lacks (npm run doctor says how to get it).`,
    )
    describe.skip(title, body)
    return
  }
  describe(title, body)
}
