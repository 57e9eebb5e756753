/**
 * What a command line did: what it printed, how it ended, and what it said to the API server.
 *
 * A file of transcripts holds one JSON object a line, in the order in which the commands were given to one cluster. It can be recorded from
 * any cluster: a proxy between kubectl and the API server sees all there is to see.
 */
import { readFileSync } from 'node:fs'
import { decodeProtobuf } from '../apiserver/protobuf/envelope.ts'

export interface Transcript {
  /** As typed into a shell: `kubectl get pods -l 'app in (a, b)'`. */
  readonly command: string
  readonly stdin?: string | null
  /** "timeout" for a command that goes on until somebody ends it, such as a watch. */
  readonly exit: number | 'timeout'
  readonly stdout: string
  readonly stderr: string
  /** In order; look-ups of what the API server serves may be left out. */
  readonly http: readonly Exchange[]
}

export interface Exchange {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly accept?: string | null
  readonly contentType?: string | null
  /** Absent when no answer came before the command ended. */
  readonly status?: number | null
  readonly responseType?: string | null
  /** JSON; or `{text}`, `{protobufBase64}`, `{stream: [events]}`; `{note}` when it was not kept. */
  readonly response?: unknown
}

export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'json'; readonly value: unknown }
  /** Of a watch. How many events come depends on when it began and ended. */
  | { readonly kind: 'stream'; readonly events: readonly unknown[] }

export function readTranscripts(path: string): Transcript[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      const transcript = parseTranscript(line)
      if (transcript) return transcript
      throw new Error(`${path}: line ${index + 1} is no transcript: it needs at least "command" and "http"`)
    })
}

function parseTranscript(line: string): Transcript | undefined {
  try {
    const transcript = JSON.parse(line) as Transcript
    return typeof transcript.command === 'string' && Array.isArray(transcript.http) ? transcript : undefined
  } catch {
    return undefined
  }
}

/** The answer as a client understands it, in whichever form it came. */
export function bodyOf({ response }: Exchange): Body {
  if (response === null || response === undefined) return { kind: 'none' }
  if (typeof response !== 'object') return { kind: 'json', value: response }
  const form = response as Record<string, unknown>
  if (typeof form.note === 'string') return { kind: 'none' }
  if (typeof form.text === 'string' && Object.keys(form).length === 1) return { kind: 'text', text: form.text }
  if (Array.isArray(form.stream)) return { kind: 'stream', events: form.stream }
  if (typeof form.protobufBase64 === 'string') return protobufBody(Buffer.from(form.protobufBase64, 'base64'))
  if (isWatchEvent(form)) return { kind: 'stream', events: [form] }
  return { kind: 'json', value: response }
}

function isWatchEvent(form: Record<string, unknown>): boolean {
  return typeof form.type === 'string' && typeof form.object === 'object' && Object.keys(form).length === 2
}

/** A message that we have no table for tells nothing. */
function protobufBody(bytes: Buffer): Body {
  try {
    return { kind: 'json', value: decodeProtobuf(bytes) }
  } catch {
    return { kind: 'none' }
  }
}
