/**
 * What all component programs share: they start when they are the process's main module, stop on SIGTERM or SIGINT, and say
 * in one line why they could not start. Each exports its `start`, so that `--in-process` can compose them in one process.
 */
import { pathToFileURL } from 'node:url'
import { createLog } from '../../contracts/log.ts'
import type { RunningComponent } from '../../contracts/running-component.ts'

/** Starts a component from its command-line flags (without the program's name). */
export type StartProgram = (argv: readonly string[]) => Promise<RunningComponent>

export function runAsProgram(moduleUrl: string, name: string, start: StartProgram): void {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? '').href) return
  const log = createLog(name)
  process.on('uncaughtException', (error) => log.error('unexpected', error))
  process.on('unhandledRejection', (error) => log.error('unexpected', error))
  start(process.argv.slice(2)).then(
    (component) => {
      const stop = () => void component.stop().finally(() => process.exit(0))
      process.once('SIGTERM', stop)
      process.once('SIGINT', stop)
    },
    (error) => {
      log.error('could not start', error)
      process.exit(1)
    },
  )
}
