/** Why a connection failed, in the words of Go's network errors, which people and tools know from upstream. */
export function connectProblem(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connect: connection refused'
  if (error.code === 'EHOSTUNREACH') return 'connect: no route to host'
  if (error.code === 'ETIMEDOUT') return 'i/o timeout'
  return error.message
}
