/**
 * The gRPC service definitions of etcd's API, made from the proto text: paths, codecs, and which side streams.
 */
import type { ServiceDefinition } from '@grpc/grpc-js'
import type { Root } from 'protobufjs'
import { type BytesForm, messageCodec, parseProto } from './codec.ts'
import { KV_PROTO, LEASE_PROTO, RPC_PROTO } from './proto.ts'

export type ServiceName = 'KV' | 'Watch' | 'Lease' | 'Cluster' | 'Maintenance'

let parsed: Root | undefined

/** Parsed once, when first needed: it takes some milliseconds of a process's start. */
export function etcdProto(): Root {
  parsed ??= parseProto(KV_PROTO, LEASE_PROTO, RPC_PROTO)
  return parsed
}

export function serviceDefinition(service: ServiceName, bytes: BytesForm): ServiceDefinition {
  const root = etcdProto()
  const definition: Record<string, ServiceDefinition[string]> = {}
  for (const method of root.lookupService(`etcdserverpb.${service}`).methodsArray) {
    const request = messageCodec<object>(root, `etcdserverpb.${method.requestType}`, bytes)
    const response = messageCodec<object>(root, `etcdserverpb.${method.responseType}`, bytes)
    definition[method.name] = {
      path: `/etcdserverpb.${service}/${method.name}`,
      originalName: method.name.charAt(0).toLowerCase() + method.name.slice(1),
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      requestSerialize: request.encode,
      requestDeserialize: request.decode,
      responseSerialize: response.encode,
      responseDeserialize: response.decode,
    }
  }
  return definition
}
