/** Where environments and volumes get what the API server has: ConfigMaps, Secrets, Services, tokens. */
import type { ConfigMap, Secret, Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { ListWatch } from '#kit/contracts/list-watch.ts'
import type { VolumeSources } from './volumes.ts'

export interface ApiSourcesOptions {
  readonly client: ApiClient
  readonly services: ListWatch<Service>
  readonly nodeName: string
  readonly hostIp: string
  readonly podIp: string
}

export function apiSources({ client, services, ...facts }: ApiSourcesOptions): VolumeSources {
  return {
    ...facts,
    configMap: (namespace, name) => unlessMissing(client.get<ConfigMap>(resources.configMaps, { namespace, name })),
    secret: (namespace, name) => unlessMissing(client.get<Secret>(resources.secrets, { namespace, name })),
    services: () => services.list(),
    serviceAccountToken: (namespace, name) => requestToken(client, namespace, name),
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

async function requestToken(client: ApiClient, namespace: string, name: string): Promise<string> {
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const ref = { namespace, name, subresource: 'token' }
  const answer = await client.create(resources.serviceAccounts, request as { status?: { token?: string } }, ref)
  return answer.status?.token ?? ''
}
