/**
 * The Auth service, which says that there is none.
 *
 * Who may talk to a member is a matter of certificates here (`--client-cert-auth`), as it is for Kubernetes. Users, roles and permissions are upstream's other
 * way; a client that asks for it is told so, instead of being told that it speaks a language nobody knows.
 * Source: etcd `api/etcdserverpb/rpc.proto`, service Auth.
 */
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { etcdErrors, GRPC_CODES } from '#kit/etcd-api/errors.ts'

const METHODS = [
  ...['AuthEnable', 'AuthDisable', 'AuthStatus', 'Authenticate'],
  ...['UserAdd', 'UserGet', 'UserList', 'UserDelete', 'UserChangePassword', 'UserGrantRole', 'UserRevokeRole'],
  ...['RoleAdd', 'RoleGet', 'RoleList', 'RoleDelete', 'RoleGrantPermission', 'RoleRevokePermission'],
]

/** What requests say does not matter, so they stay bytes. */
export const authDefinition: ServiceDefinition = Object.fromEntries(
  METHODS.map((name) => [
    name,
    {
      path: `/etcdserverpb.Auth/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  ]),
)

const { code, message } = etcdErrors.unimplemented(
  'etcdserver: users and roles are not supported; clients are known by their certificates (--client-cert-auth)',
)

export const authImplementation: UntypedServiceImplementation = Object.fromEntries(
  METHODS.map((name) => [
    name,
    (_call: unknown, callback: (error: object) => void) => callback({ code: GRPC_CODES[code], details: message }),
  ]),
)
