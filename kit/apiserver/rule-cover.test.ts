/** Who may give away which rights: only those that they hold. */
import { describe, expect, it } from 'vitest'
import { describeMissing, uncoveredRules } from '#apiserver/auth/rule-cover.ts'

const pods = (...verbs: string[]) => ({ verbs, apiGroups: [''], resources: ['pods'] })

describe('rules that are held', () => {
  it('cover what they say, part by part', () => {
    expect(uncoveredRules([pods('get'), pods('list')], [pods('get', 'list')])).toEqual([])
    expect(uncoveredRules([pods('get')], [pods('get', 'delete')])).toEqual([pods('delete')])
  })

  it('cover one name when they are for all, and not the other way round', () => {
    const one = { ...pods('get'), resourceNames: ['web'] }
    expect(uncoveredRules([pods('get')], [one])).toEqual([])
    expect(uncoveredRules([one], [pods('get')])).toEqual([pods('get')])
    expect(uncoveredRules([one], [{ ...one, resourceNames: ['web', 'db'] }])).toEqual([
      { ...one, resourceNames: ['db'] },
    ])
  })

  it('cover subresources by name, by */name and by *', () => {
    const logs = { ...pods('get'), resources: ['pods/log'] }
    const heldBy = ['pods', 'pods/log', '*/log', '*'].filter(
      (resource) => uncoveredRules([{ ...pods('get'), resources: [resource] }], [logs]).length === 0,
    )
    expect(heldBy).toEqual(['pods/log', '*/log', '*'])
  })

  it('cover a star only by a star', () => {
    expect(uncoveredRules([pods('get', 'list', 'watch')], [pods('*')])).toEqual([pods('*')])
    expect(uncoveredRules([{ ...pods('*'), resources: ['*'] }], [pods('*')])).toEqual([])
  })

  it('cover paths by prefix', () => {
    const path = (url: string) => ({ verbs: ['get'], nonResourceURLs: [url] })
    expect(uncoveredRules([path('/healthz/*')], [path('/healthz/etcd')])).toEqual([])
    expect(uncoveredRules([path('/healthz/*')], [path('/healthz')])).toEqual([path('/healthz')])
    expect(uncoveredRules([{ ...pods('*'), apiGroups: ['*'], resources: ['*'] }], [path('/metrics')])).toHaveLength(1)
  })

  it('that are missing are told a line per resource, as upstream does', () => {
    const missing = uncoveredRules([], [pods('get', 'list'), { verbs: ['get'], nonResourceURLs: ['/metrics'] }])
    expect(describeMissing(missing)).toBe(
      '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}\n{NonResourceURLs:["/metrics"], Verbs:["get"]}',
    )
  })
})
