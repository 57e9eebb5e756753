import type { KindRow } from '../../contracts/apiserver.ts'

export function openApiIndex(_kinds: readonly KindRow[]): object {
  return { paths: {} }
}

export function openApiDocument(_kinds: readonly KindRow[], _groupVersion: string): string | undefined {
  return undefined
}
