/**
 * gRPC's own health check, which load balancers and probes ask whatever server they are in front of.
 *
 * It says that the member takes requests, no more; whether the cluster can serve them is `/health`'s business (http-service.ts).
 * Source: grpc `doc/health-checking.md`; etcd `server/etcdserver/api/v3rpc/grpc.go`.
 */
import type { ServerWritableStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { messageCodec, parseProto } from '#kit/etcd-api/codec.ts'
import { GRPC_CODES } from '#kit/etcd-api/errors.ts'

const proto = parseProto(`
syntax = "proto3";
package grpc.health.v1;

message HealthCheckRequest {
  string service = 1;
}

message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
`)
const requests = messageCodec<{ readonly service: string }>(proto, 'grpc.health.v1.HealthCheckRequest', 'byte-string')
const responses = messageCodec<object>(proto, 'grpc.health.v1.HealthCheckResponse', 'byte-string')

const method = (name: string, responseStream: boolean) => ({
  path: `/grpc.health.v1.Health/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: requests.encode,
  requestDeserialize: requests.decode,
  responseSerialize: responses.encode,
  responseDeserialize: responses.decode,
})

export const healthDefinition: ServiceDefinition = { Check: method('Check', false), Watch: method('Watch', true) }

/** The empty name stands for the whole server. */
export const healthImplementation: UntypedServiceImplementation = {
  Check({ request }: { request: { service: string } }, callback: (error: object | null, response?: object) => void) {
    if (request.service === '') callback(null, { status: 'SERVING' })
    else callback({ code: GRPC_CODES.NOT_FOUND, details: 'unknown service' })
  },
  /** Stays open: the client hears of the end of serving when the connection ends. */
  Watch(call: ServerWritableStream<{ service: string }, object>) {
    call.write({ status: call.request.service === '' ? 'SERVING' : 'SERVICE_UNKNOWN' })
  },
}
