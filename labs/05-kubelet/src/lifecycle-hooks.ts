/**
 * Lifecycle hooks: what a container asks to have done before it is stopped.
 *
 * Source: kubernetes `pkg/kubelet/lifecycle/handlers.go`.
 */
import http from 'node:http'
import type { Container } from '#kit/api/objects.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { RuntimeService } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'

type Handler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>

/** Runs the hook for at most the grace period. Returns what went wrong, for an event; the stop goes on regardless. */
export async function runPreStop(
  { runtime, clock }: { runtime: RuntimeService; clock: Clock },
  hook: Handler,
  containerId: string,
  podIp: string,
  timeoutSeconds: number,
): Promise<string | undefined> {
  try {
    if (hook.exec) {
      const { exitCode } = await runtime.execSync(containerId, hook.exec.command ?? [], timeoutSeconds)
      return exitCode === 0 ? undefined : `PreStopHook failed: command exited with ${exitCode}`
    }
    if (hook.httpGet) {
      const { host = podIp, port, path = '/' } = hook.httpGet
      await get(`http://${host}:${port}${path}`, timeoutSeconds * 1000)
    }
    const sleep = (hook as { sleep?: { seconds: number } }).sleep
    if (sleep) {
      const ms = Math.min(sleep.seconds, timeoutSeconds) * 1000
      await new Promise<void>((resolve) => clock.setTimer(ms, resolve))
    }
    return undefined
  } catch (error) {
    return `PreStopHook failed: ${describeError(error)}`
  }
}

function get(url: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { timeout: timeoutMs, agent: false }, (response) => {
      response.resume()
      response.on('end', resolve)
    })
    request.on('timeout', () => request.destroy(new Error('timed out')))
    request.on('error', reject)
  })
}
