/**
 * Listens on several addresses with one port: loopback for the user, the bridge for the cluster, nothing else.
 */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Listening {
  readonly servers: readonly Server[]
  readonly port: number
}

/** @param port 0 for any free one, the same on every address. Nothing is left listening when one of them fails. */
export async function listenOnAll(
  addresses: readonly string[],
  port: number,
  createServer: () => Server,
): Promise<Listening> {
  const servers: Server[] = []
  let chosen = port
  try {
    for (const address of addresses) {
      const server = createServer()
      servers.push(server)
      server.listen(chosen, address)
      await once(server, 'listening')
      chosen = (server.address() as AddressInfo).port
    }
    return { servers, port: chosen }
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
}
