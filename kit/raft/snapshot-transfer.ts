/**
 * A snapshot on its way from one member to another, on a connection of its own.
 *
 * It may be gigabytes, and the messages between members must not wait behind it. So the InstallSnapshot message and the file's length go first;
 * the receiver says that it will take it; then come the bytes, as fast as the receiver stores them and no faster; at the end the receiver closes.
 *
 * Nothing is promised: whatever fails, the receiver has nothing, and the sender's core will send again. One at a time goes to each member.
 * Source: etcd `server/etcdserver/api/rafthttp/snapshot_sender.go`, `http.go` `snapshotHandler`.
 */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { describeError, type Log } from '../contracts/log.ts'
import { framed, onFrames } from './frames.ts'
import type { InstallSnapshot, MemberId } from './messages.ts'
import { openSocket, type PeerTls } from './peer-link.ts'
import { decodePeerFrame, encodePeerFrame } from './wire.ts'

/** The first frame of such a connection, as JSON. */
export interface SnapshotOffer {
  readonly clusterId: string
  readonly from: MemberId
  /** The message, as a `PeerFrame` in base64. */
  readonly snapshot: string
  /** Of the content that follows. */
  readonly bytes: number
}

export interface SnapshotSenderOptions {
  readonly clusterId: string
  readonly from: MemberId
  readonly tls?: PeerTls
  readonly log: Log
}

/** A connection on which nothing has moved for so long is given up. */
const SILENCE_MS = 30_000

export class SnapshotSender {
  readonly #options: SnapshotSenderOptions
  readonly #busy = new Map<MemberId, Socket>()

  constructor(options: SnapshotSenderOptions) {
    this.#options = options
  }

  /** Begins to send the content of a file; does nothing while another one is on its way there. */
  send(message: InstallSnapshot, file: string, url: string): void {
    const { tls, log } = this.#options
    if (this.#busy.has(message.to)) return
    const socket = openSocket(url, tls)
    this.#busy.set(message.to, socket)
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('nothing moves')))
    socket.on('error', () => {})
    this.#transfer(socket, message, file)
      .catch((error) => log.warn(`the snapshot did not get to member ${message.to}: ${describeError(error)}`))
      .finally(() => {
        socket.destroy()
        this.#busy.delete(message.to)
      })
  }

  close(): void {
    for (const socket of this.#busy.values()) socket.destroy(new Error('this member stops'))
  }

  async #transfer(socket: Socket, message: InstallSnapshot, file: string): Promise<void> {
    const { clusterId, from, tls } = this.#options
    await once(socket, tls ? 'secureConnect' : 'connect')
    // From now on: a receiver that closes while we look at the file has answered too.
    const isTaken = answered(socket)
    const { size } = await stat(file)
    const snapshot = encodePeerFrame({ message }).toString('base64')
    const offer: SnapshotOffer = { clusterId, from, snapshot, bytes: size }
    socket.write(framed(Buffer.from(JSON.stringify(offer))))
    if (!(await isTaken)) throw new Error('it does not take it now')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await pipeline(createReadStream(file), socket, { end: false })
    await closed
  }
}

/** Whether the receiver answers before it closes. */
function answered(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    onFrames(
      socket,
      () => resolve(true),
      () => resolve(false),
    )
    socket.once('close', () => resolve(false))
  })
}

/** The message that is offered; undefined when it is none. */
export function offeredMessage(offer: SnapshotOffer): InstallSnapshot | undefined {
  const { message } = decodePeerFrame(Buffer.from(offer.snapshot, 'base64'))
  return message?.type === 'InstallSnapshot' ? message : undefined
}

/** Takes what was offered: says so, and gives the content as it comes. Throws when it ends early. */
export async function* takeContent(socket: Socket, { bytes }: SnapshotOffer): AsyncGenerator<Buffer> {
  socket.removeAllListeners('data')
  socket.setTimeout(SILENCE_MS, () => socket.destroy())
  socket.write(framed(Buffer.from('{}')))
  let received = 0
  if (bytes === 0) return
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received += chunk.length
    yield chunk
    if (received >= bytes) break
  }
  if (received !== bytes) throw new Error(`the snapshot ended after ${received} of ${bytes} bytes`)
}
