/** Where environments and volumes get what the API server has: ConfigMaps, Secrets, Services, tokens. */
import type { ConfigMap, Secret, Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { ListWatch } from '#kit/contracts/list-watch.ts'
import type { PodTokens } from './pod-tokens.ts'
import type { VolumeSources } from './volume-files.ts'

export interface ApiSourcesOptions {
  readonly client: ApiClient
  readonly services: ListWatch<Service>
  readonly tokens: PodTokens
  readonly nodeName: string
  readonly hostIp: string
  readonly podIp: string
}

export function apiSources({ client, services, tokens, ...facts }: ApiSourcesOptions): VolumeSources {
  return {
    ...facts,
    configMap: (namespace, name) => unlessMissing(client.get<ConfigMap>(resources.configMaps, { namespace, name })),
    secret: (namespace, name) => unlessMissing(client.get<Secret>(resources.secrets, { namespace, name })),
    services: () => services.list(),
    serviceAccountToken: (pod, projection) => tokens.tokenFor(pod, projection),
  }
}

async function unlessMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}
