/**
 * One line per happening, on standard error: time, level, component, message.
 *
 * Components get a Log from their composition root, so tests can listen and nothing writes to a global.
 */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string, cause?: unknown): void
}

export function createLog(component: string, write: (line: string) => void = (line) => console.error(line)): Log {
  const at = (level: string, message: string) => write(`${new Date().toISOString()} ${level} ${component} ${message}`)
  return {
    info: (message) => at('info ', message),
    warn: (message) => at('warn ', message),
    error: (message, cause) => at('error', cause === undefined ? message : `${message}: ${describeError(cause)}`),
  }
}

export const silentLog: Log = { info() {}, warn() {}, error() {} }

/** The message of whatever was thrown; the stack only when there is no message. */
export function describeError(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.message || cause.stack || cause.name
}
