/**
 * `kubectl exec` and `attach`: several streams in one WebSocket. Each binary message is one frame: its first byte names
 * the channel, the rest is what went over it.
 *
 * Source: kubernetes `pkg/kubelet/cri/streaming/remotecommand/websocket.go`, apimachinery
 * `pkg/util/remotecommand/constants.go`; KEP-4006 (v5: half-close).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'


/** Best first. v5 adds that the client may close its stdin; all else is as in v4. */
export const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const

/** A frame with this first byte closes the channel that its second byte names. Only v5. */
export const CLOSE_CHANNEL = 255

export type ClientFrame =
  | { readonly kind: 'stdin'; readonly bytes: Uint8Array }
  | { readonly kind: 'resize'; readonly width: number; readonly height: number }
  /** No more input. */
  | { readonly kind: 'end-of-stdin' }
  | { readonly kind: 'unknown' }

/**
 * One frame for a channel.
 *
 * @lab 5.8 Make a frame
 */
export function encodeFrame(channel: number, bytes: Uint8Array): Uint8Array {
  throw new NotImplemented('5.8', 'encodeFrame', 'Make a frame', 'labs/05-kubelet/src/remote-command.ts')
}

/**
 * What the client's frame means. stdin: its bytes. resize: JSON `{"Width":80,"Height":24}`, both positive. 255 followed by
 * 0: no more input. Anything else, broken JSON and an empty frame included, is `unknown`: the client may be newer than we
 * are, and nothing that it sends may bring us down.
 *
 * @lab 5.8 Read a frame
 */
export function decodeFrame(frame: Uint8Array): ClientFrame {
  throw new NotImplemented('5.8', 'decodeFrame', 'Read a frame', 'labs/05-kubelet/src/remote-command.ts')
}

/** The last thing that is said on the error channel. */
export interface ExecStatus {
  readonly metadata: Record<string, never>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: { readonly causes: readonly { readonly reason: string; readonly message: string }[] }
  readonly code?: number
}

/**
 * How the command ended, as a Status. Exit code 0: `Success`, and nothing more. Else `Failure` with reason
 * `NonZeroExitCode`, a cause with reason `ExitCode` whose message is the code as text (that is where kubectl reads it), and
 * the message `command terminated with non-zero exit code: exit code 7`.
 *
 * @lab 5.8 Tell the exit code
 */
export function exitStatus(exitCode: number): ExecStatus {
  throw new NotImplemented('5.8', 'exitStatus', 'Tell the exit code', 'labs/05-kubelet/src/remote-command.ts')
}

/** The command could not even be tried. */
export function failureStatus(message: string): ExecStatus {
  return { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
}
