/**
 * ServiceAccount: every pod runs as somebody, as "default" when it does not say, and can show it: by a token, in a volume that
 * its kubelet fills and renews.
 *
 * The volume also has the authority by which the pod knows the API server, and the pod's namespace. That is all that a client
 * library needs to begin.
 *
 * Source: kubernetes `plugin/pkg/admission/serviceaccount/admission.go`; KEP-1205.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { PodSpec, ServiceAccount, Volume } from '#kit/api/objects.ts'

/** Where every client library looks. */
export const TOKEN_MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Names of token volumes begin so, and go on with five random characters. */
export const TOKEN_VOLUME_PREFIX = 'kube-api-access-'
/** An hour, and seven seconds by which these tokens are told from others (auth/account-tokens.ts). */
export const TOKEN_SECONDS = 3607

/**
 * A pod's spec with its account: `serviceAccountName` and `serviceAccount` are both what either of them says (the first
 * wins; an empty text says nothing), or else "default".
 *
 * @lab 2.12 Give every pod an identity
 */
export function withServiceAccount(spec: PodSpec): PodSpec & { serviceAccountName: string } {
  throw new NotImplemented(
    '2.12',
    'withServiceAccount',
    'Give every pod an identity',
    'labs/02-apiserver/src/admission/service-account.ts',
  )
}

/**
 * The spec with the token in every container and init container: behind its other `volumeMounts` one of the volume `name`,
 * `readOnly`, at `TOKEN_MOUNT_PATH`; and behind the other volumes `tokenVolume(name)`.
 *
 * A container that mounts something at that path itself is left alone, and if all do, there is no volume either. A pod that has a
 * volume whose name begins with `TOKEN_VOLUME_PREFIX` already gets that one mounted, and no other. The spec stays as it
 * is when nobody wants a token: `automountServiceAccountToken: false`, where the pod's word counts before the account's.
 *
 * @lab 2.13 Bring the token into every container
 */
export function withTokenVolume(
  spec: PodSpec,
  account: Pick<ServiceAccount, 'automountServiceAccountToken'>,
  name: string,
): PodSpec {
  throw new NotImplemented(
    '2.13',
    'withTokenVolume',
    'Bring the token into every container',
    'labs/02-apiserver/src/admission/service-account.ts',
  )
}

/** Token, authority and namespace as files, readable for all in the container. */
export function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  }
}
