/**
 * Tests of one topic with the real kubectl: a server for all of them, in which things are as the tests before have left them.
 */
import { afterAll, beforeAll, vi } from 'vitest'
import { describeWith } from '../../testing/tools.ts'
import type { KubectlOptions, KubectlResult } from './kubectl.ts'
import { startTestApiServer, type TestApiServer } from './test-api-server.ts'

export interface KubectlTests {
  server(): TestApiServer
  run(command: string, options?: KubectlOptions): Promise<KubectlResult>
  /** What the command prints; throws when it fails. */
  output(command: string, options?: KubectlOptions): Promise<string>
  /** What the command says when it fails; throws when it does not. */
  failure(command: string, options?: KubectlOptions): Promise<string>
}

export function describeKubectl(title: string, body: (tests: KubectlTests) => void): void {
  // Each command is a process, and machines are slow while all tests run at once.
  vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
  describeWith(['kubectl'], `kubectl ${title}`, () => {
    let server: TestApiServer | undefined
    beforeAll(async () => {
      server = await startTestApiServer()
    })
    afterAll(() => server?.stop())
    const running = () => {
      if (!server) throw new Error('the server is not there yet')
      return server
    }
    body({
      server: running,
      run: (command, options) => running().kubectl(command, options),
      output: (command, options) => running().kubectl.output(command, options),
      async failure(command, options) {
        const { code, stderr, stdout } = await running().kubectl(command, options)
        if (code === 0) throw new Error(`kubectl ${command} succeeded: ${stdout}`)
        return stderr
      },
    })
  })
}
