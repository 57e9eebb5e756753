/** A command line that asks for something that does not exist: shown without a stack trace, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
