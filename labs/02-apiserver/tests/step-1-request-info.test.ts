/** Step 2.1: what does a request ask for? */
import { describe, expect } from 'vitest'
import { parseRequestInfo, resourceVerb } from '#apiserver/request-info.ts'
import { resourcePath, resources } from '#kit/api/resources.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'

const SOURCE = 'apiserver pkg/endpoints/request/requestinfo.go'

/** The parts that matter, for short comparisons. */
function parse(method: string, path: string, query: Record<string, string[]> = {}) {
  const { isResourceRequest, verb, apiGroup, apiVersion, namespace, resource, subresource, name } = parseRequestInfo({
    method,
    path,
    query,
  })
  return { isResourceRequest, verb, apiGroup, apiVersion, namespace, resource, subresource, name }
}

describe('the verb', () => {
  lesson(
    'is the method in the words of the API',
    {
      scenario: 'POST, PUT, PATCH, DELETE, GET and HEAD of one pod.',
      rule: 'POST creates, PUT updates, PATCH patches, DELETE deletes, GET and HEAD get.',
      source: SOURCE,
    },
    () => {
      const verbs = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD'].map((method) =>
        resourceVerb({ method, query: {} }, 'web'),
      )
      expect(verbs).toEqual(['create', 'update', 'patch', 'delete', 'get', 'get'])
    },
  )

  lesson(
    'means many objects when there is no name',
    {
      scenario: 'GET and DELETE of all pods of a namespace, and GET with ?watch=true, ?watch=1, ?watch=false.',
      rule: 'Without a name, get is list (or watch), and delete is deletecollection.',
      source: SOURCE,
    },
    () => {
      const verb = (method: string, query = {}) => resourceVerb({ method, query }, '')
      expect(verb('GET')).toBe('list')
      expect(verb('DELETE')).toBe('deletecollection')
      expect(verb('GET', { watch: ['true'] })).toBe('watch')
      expect(verb('GET', { watch: ['1'] })).toBe('watch')
      expect(verb('GET', { watch: ['false'] })).toBe('list')
    },
  )

  lesson(
    'is get for one object, whatever the query says',
    {
      scenario: 'GET of one pod with ?watch=true, which only lists understand.',
      rule: 'Only requests without a name can become watches.',
      source: SOURCE,
    },
    () => expect(resourceVerb({ method: 'GET', query: { watch: ['true'] } }, 'web')).toBe('get'),
  )
})

describe('the path', () => {
  lesson(
    'names group, version, namespace, resource, name and subresource',
    {
      scenario: 'PUT /apis/apps/v1/namespaces/shop/deployments/web/status',
      rule: 'Behind the version: namespaces/NAMESPACE, the resource, a name, a subresource.',
      source: SOURCE,
    },
    () => {
      expect(parse('PUT', '/apis/apps/v1/namespaces/shop/deployments/web/status')).toEqual({
        isResourceRequest: true,
        verb: 'update',
        apiGroup: 'apps',
        apiVersion: 'v1',
        namespace: 'shop',
        resource: 'deployments',
        subresource: 'status',
        name: 'web',
      })
    },
  )

  lesson(
    'of the core group has no group in it',
    {
      scenario: 'GET /api/v1/nodes/node-1, and a list of all pods of the cluster.',
      rule: '/api means the core group, whose name is empty.',
      source: SOURCE,
    },
    () => {
      expect(parse('GET', '/api/v1/nodes/node-1')).toMatchObject({
        apiGroup: '',
        apiVersion: 'v1',
        resource: 'nodes',
        name: 'node-1',
        namespace: '',
      })
      expect(parse('GET', '/api/v1/pods')).toMatchObject({ verb: 'list', resource: 'pods', namespace: '', name: '' })
    },
  )

  lesson(
    'of a namespace is about the namespace itself',
    {
      scenario: 'GET /api/v1/namespaces/shop, PUT …/shop/status, PUT …/shop/finalize, and GET /api/v1/namespaces.',
      rule: 'A namespace is a resource called namespaces; status and finalize are its subresources, not resources in it.',
      source: SOURCE,
    },
    () => {
      expect(parse('GET', '/api/v1/namespaces/shop')).toMatchObject({
        resource: 'namespaces',
        name: 'shop',
        namespace: 'shop',
        subresource: '',
      })
      for (const subresource of ['status', 'finalize']) {
        expect(parse('PUT', `/api/v1/namespaces/shop/${subresource}`)).toMatchObject({
          resource: 'namespaces',
          name: 'shop',
          namespace: 'shop',
          subresource,
        })
      }
      expect(parse('GET', '/api/v1/namespaces')).toMatchObject({ verb: 'list', resource: 'namespaces', namespace: '' })
    },
  )

  lesson(
    'is no resource when it ends too early',
    {
      scenario: 'GET of /version, /healthz/etcd, /api, /api/v1, /apis, /apis/apps, /apis/apps/v1 and /.',
      rule: 'Discovery, health and version are paths without a resource; their verb is the method.',
      source: SOURCE,
    },
    () => {
      for (const path of [
        '/version',
        '/healthz/etcd',
        '/api',
        '/api/v1',
        '/apis',
        '/apis/apps',
        '/apis/apps/v1',
        '/',
      ]) {
        expect({ path, ...parse('GET', path) }).toMatchObject({
          path,
          isResourceRequest: false,
          verb: 'get',
          resource: '',
        })
      }
    },
  )

  lesson(
    'is decoded part by part',
    {
      scenario: 'A name with a percent-encoded slash in it: /api/v1/namespaces/shop/pods/a%2Fb.',
      rule: 'First cut at slashes, then decode: a slash inside a name is no separator.',
      source: 'RFC 3986 §2.4',
    },
    () => expect(parse('GET', '/api/v1/namespaces/shop/pods/a%2Fb')).toMatchObject({ name: 'a/b', subresource: '' }),
  )

  lesson(
    'takes the name from a field selector',
    {
      scenario: 'A watch of one pod by ?fieldSelector=metadata.name=web, as kubectl get pod web -w sends it.',
      rule: 'A list or watch of a single name has that name, so that rules about names apply to it.',
      source: SOURCE,
    },
    () => {
      const query = { watch: ['true'], fieldSelector: ['metadata.name=web'] }
      expect(parse('GET', '/api/v1/namespaces/shop/pods', query)).toMatchObject({ verb: 'watch', name: 'web' })
      expect(parse('GET', '/api/v1/pods', { fieldSelector: ['status.phase=Running'] })).toMatchObject({ name: '' })
    },
  )

  lesson(
    'gives back what it was made of',
    {
      scenario: 'Two hundred random paths, made by the client that all components use.',
      rule: 'Reading a path is the inverse of making it.',
      source: SOURCE,
    },
    (context) => {
      const seed = Date.now() % 1_000_000
      context.seed(seed)
      const random = createRandom(seed)
      for (let run = 0; run < 200; run++) {
        const resource = random.pick(Object.values(resources))
        const namespace =
          resource.namespaced && random.chance(0.8) ? random.pick(['default', 'status', 'a-b']) : undefined
        const name = random.chance(0.7) ? random.pick(['web', 'x.y', 'ünï']) : undefined
        const subresource = name && resource.plural !== 'namespaces' ? random.pick(['', 'status', 'scale']) : ''
        const path = resourcePath(resource, { namespace, name, subresource })
        const expectedNamespace = resource.plural === 'namespaces' ? (name ?? '') : (namespace ?? '')
        expect({ path, ...parse('GET', path) }).toEqual({
          path,
          isResourceRequest: true,
          verb: name ? 'get' : 'list',
          apiGroup: resource.group,
          apiVersion: resource.version,
          namespace: expectedNamespace,
          resource: resource.plural,
          subresource,
          name: name ?? '',
        })
      }
    },
  )
})
