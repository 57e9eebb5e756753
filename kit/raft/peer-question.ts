/**
 * What one who is to become a member asks those who are: which cluster is this, and who is in it?
 *
 * It is asked on the peer port, on a connection of its own, with one frame each way.
 */
import { framed, onFrames } from './frames.ts'
import { openSocket, type PeerTls } from './peer-link.ts'

export interface PeerAddress {
  readonly id: string
  readonly name: string
  readonly peerURLs: readonly string[]
}

export interface ClusterDescription {
  readonly clusterId: string
  /** The members before the first entry of the log. */
  readonly founders: readonly PeerAddress[]
  /** As the member that was asked knows them now. */
  readonly members: readonly PeerAddress[]
}

/** The first frame of such a connection, where a member would say who it is. */
export const MEMBERS_QUESTION = { question: 'members' } as const

const TIMEOUT_MS = 2000

/** Asks whoever answers first at this URL. Rejects when nobody does. */
export function askForMembers(url: string, tls: PeerTls | undefined): Promise<ClusterDescription> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(url, tls)
    const fail = (reason: string) => {
      socket.destroy()
      reject(new Error(`${url}: ${reason}`))
    }
    socket.setTimeout(TIMEOUT_MS, () => fail('no answer'))
    socket.on('error', (error) => fail(error.message))
    socket.once('close', () => fail('closed without an answer'))
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      socket.write(framed(Buffer.from(JSON.stringify(MEMBERS_QUESTION))))
    })
    const take = (payload: Buffer) => {
      resolve(JSON.parse(payload.toString('utf8')))
      socket.destroy()
    }
    onFrames(socket, take, fail)
  })
}
