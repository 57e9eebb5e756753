/**
 * The envelope around a protobuf body: four magic bytes, then `runtime.Unknown`, which names the kind and holds the object
 * in that kind's own message.
 *
 * Source: apimachinery `pkg/runtime/serializer/protobuf/protobuf.go`.
 */
import type { ApiObject } from '../../api/objects.ts'
import { decodeMessage, isMessage } from './messages.ts'
import { readFields } from './wire-reader.ts'

const MAGIC = Buffer.from('k8s\0')

/** Throws when the bytes are not such an envelope, or hold a kind whose message is not known. */
export function decodeProtobuf(bytes: Uint8Array): ApiObject {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new Error('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  }
  let apiVersion = ''
  let kind = ''
  let raw: Uint8Array = new Uint8Array()
  for (const { number, value } of readFields(bytes.subarray(MAGIC.length))) {
    if (typeof value === 'number') continue
    if (number === 2) raw = value
    if (number !== 1) continue
    for (const entry of readFields(value)) {
      if (typeof entry.value === 'number') continue
      if (entry.number === 1) apiVersion = Buffer.from(entry.value).toString()
      if (entry.number === 2) kind = Buffer.from(entry.value).toString()
    }
  }
  const message = messageName(apiVersion, kind)
  if (!message) throw new Error(`no kind "${kind}" is registered for version "${apiVersion}"`)
  return { apiVersion, kind, ...decodeMessage(message, raw) }
}

/** "apps/v1" and "Deployment" are in the package apps/v1; DeleteOptions is of every group, and in meta/v1. */
function messageName(apiVersion: string, kind: string): string | undefined {
  const [version = '', group = 'core'] = apiVersion.split('/').reverse()
  const [directory] = group.split('.')
  return [`${directory}/${version}.${kind}`, `meta/v1.${kind}`].find(isMessage)
}
