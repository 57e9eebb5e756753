/**
 * The plugin around service-account.ts: looks the account up, and gives the pod what comes with it.
 *
 * Pods that a kubelet runs by itself are left as they are ("mirror pods" only show them): they have no account, and may
 * not get at one by naming it.
 *
 * Source: kubernetes `plugin/pkg/admission/serviceaccount/admission.go` (Admit, Validate).
 */
import type { Pod, PodSpec, ServiceAccount } from '#kit/api/objects.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { forbidden } from '../errors.ts'
import type { AdmissionReview, ClusterView } from './chain.ts'
import { TOKEN_VOLUME_PREFIX, withServiceAccount, withTokenVolume } from './service-account.ts'

export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'
/** Every namespace gets its default account a moment after it is made. */
const ATTEMPTS_FOR_DEFAULT = 10
const RETRY_MS = 150

export async function admitPodIdentity(review: AdmissionReview, pod: Pod, cluster: ClusterView): Promise<void> {
  if (!pod.spec) return
  if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) return checkMirrorPod(review, pod.spec)
  const spec = withServiceAccount(pod.spec)
  const account = await accountOf(review, spec.serviceAccountName, cluster)
  pod.spec = withToken(spec, account, `${TOKEN_VOLUME_PREFIX}${cluster.newSuffix()}`)
  const { imagePullSecrets = [] } = account
  if (imagePullSecrets.length > 0 && !spec.imagePullSecrets?.length) {
    pod.spec.imagePullSecrets = structuredClone(imagePullSecrets)
  }
}

async function accountOf(review: AdmissionReview, name: string, cluster: ClusterView): Promise<ServiceAccount> {
  const { row, namespace, name: podName } = review
  const attempts = name === 'default' ? ATTEMPTS_FOR_DEFAULT : 1
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (attempt > 1) await cluster.pause(RETRY_MS)
    const account = await cluster.serviceAccount(namespace, name)
    if (account) return account
  }
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`
  throw forbidden(row.resource, podName, why)
}

/** Until step 2.13 pods get along without a token. */
function withToken(spec: PodSpec, account: ServiceAccount, volumeName: string): PodSpec {
  try {
    return withTokenVolume(spec, account, volumeName)
  } catch (error) {
    if (isNotImplemented(error)) return spec
    throw error
  }
}

function checkMirrorPod({ row, name }: AdmissionReview, { serviceAccountName, volumes = [] }: PodSpec): void {
  const refuse = (what: string) => forbidden(row.resource, name, `a mirror pod may not ${what}`)
  if (serviceAccountName) throw refuse('reference service accounts')
  if (volumes.some(({ secret }) => secret)) throw refuse('reference secrets')
  const usesTokens = volumes.some(({ projected }) => projected?.sources?.some((source) => source.serviceAccountToken))
  if (usesTokens) throw refuse('use ServiceAccountToken volume projections')
}
