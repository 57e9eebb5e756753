/** Step 2.1: what does a request ask for? */
import { describe, expect } from 'vitest'
import { parseRequestInfo, resourceVerb } from '#apiserver/request-info.ts'
import { resourcePath, resources } from '#kit/api/resources.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { randomFor } from './fixtures.ts'

const SOURCE = 'apiserver pkg/endpoints/request/requestinfo.go'

/** What is read from a path, which it says as well: so a failure shows of what it is. */
const parse = (method: string, path: string, query: Record<string, string[]> = {}) =>
  parseRequestInfo({ method, path, query })

describe('the verb', () => {
  lesson(
    'is the method in the words of the API',
    {
      scenario: 'POST, PUT, PATCH, DELETE, GET and HEAD of one pod.',
      rule: 'POST creates, PUT updates, PATCH patches, DELETE deletes, GET and HEAD get.',
      source: SOURCE,
    },
    () => {
      const verb = (method: string) => resourceVerb({ method, query: {} }, 'web')
      expect({
        POST: verb('POST'),
        PUT: verb('PUT'),
        PATCH: verb('PATCH'),
        DELETE: verb('DELETE'),
        GET: verb('GET'),
        HEAD: verb('HEAD'),
      }).toEqual({ POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete', GET: 'get', HEAD: 'get' })
    },
  )

  lesson(
    'means many objects when there is no name',
    {
      scenario: 'GET, HEAD and DELETE of all pods of a namespace, and GET with ?watch=true, ?watch=1, ?watch=false.',
      rule: 'Without a name, get is list (or watch), and delete is deletecollection.',
      source: SOURCE,
    },
    () => {
      const verb = (method: string, query = {}) => resourceVerb({ method, query }, '')
      expect({
        GET: verb('GET'),
        HEAD: verb('HEAD'),
        DELETE: verb('DELETE'),
        'GET ?watch=true': verb('GET', { watch: ['true'] }),
        'GET ?watch=1': verb('GET', { watch: ['1'] }),
        'GET ?watch=false': verb('GET', { watch: ['false'] }),
      }).toEqual({
        GET: 'list',
        HEAD: 'list',
        DELETE: 'deletecollection',
        'GET ?watch=true': 'watch',
        'GET ?watch=1': 'watch',
        'GET ?watch=false': 'list',
      })
    },
  )

  lesson(
    'is get for one object, whatever the query says',
    {
      scenario: 'GET of one pod with ?watch=true, which only lists understand.',
      rule: 'Only requests without a name can become watches.',
      source: SOURCE,
    },
    () => {
      const verb = resourceVerb({ method: 'GET', query: { watch: ['true'] } }, 'web')
      expect(verb, 'GET of the pod web, with ?watch=true').toBe('get')
    },
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
        path: '/apis/apps/v1/namespaces/shop/deployments/web/status',
        apiPrefix: 'apis',
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
    'may go on behind the subresource',
    {
      scenario: 'GET /api/v1/namespaces/shop/pods/web/proxy/css/site.css: what follows is for the program in the pod.',
      rule: 'The subresource is what stands behind the name, not what stands last.',
      source: SOURCE,
    },
    () =>
      expect(parse('GET', '/api/v1/namespaces/shop/pods/web/proxy/css/site.css')).toMatchObject({
        resource: 'pods',
        name: 'web',
        subresource: 'proxy',
      }),
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
        apiPrefix: 'api',
        apiGroup: '',
        apiVersion: 'v1',
        resource: 'nodes',
        name: 'node-1',
        namespace: '',
      })
      const pods = { path: '/api/v1/pods', verb: 'list', resource: 'pods', namespace: '', name: '' }
      expect(parse('GET', '/api/v1/pods')).toMatchObject(pods)
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
        const path = `/api/v1/namespaces/shop/${subresource}`
        expect(parse('PUT', path)).toMatchObject({
          path,
          resource: 'namespaces',
          name: 'shop',
          namespace: 'shop',
          subresource,
        })
      }
      const all = { path: '/api/v1/namespaces', verb: 'list', resource: 'namespaces', namespace: '', name: '' }
      expect(parse('GET', '/api/v1/namespaces')).toMatchObject(all)
    },
  )

  lesson(
    'is no resource when it ends too early, or begins with another word',
    {
      scenario:
        'GET of /version, /healthz/etcd, /api, /api/v1, /apis, /apis/apps, /apis/apps/v1, /, and of /openapi/v3/apis/apps/v1, which is long and yet none.',
      rule: 'Only /api and /apis lead to resources. Discovery, health, version and schemas are other paths; their verb is the method.',
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
        '/openapi/v3/apis/apps/v1',
      ]) {
        expect(parse('GET', path)).toMatchObject({
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
      scenario:
        'A watch of one pod by ?fieldSelector=metadata.name=web, as kubectl get pod web -w sends it. The same selector with a DELETE, and with another name in the path.',
      rule: 'A list or watch of a single name has that name, so that rules about names apply to it. Nothing else takes it from there.',
      source: SOURCE,
    },
    () => {
      const query = { watch: ['true'], fieldSelector: ['metadata.name=web'] }
      expect(parse('GET', '/api/v1/namespaces/shop/pods', query)).toMatchObject({ verb: 'watch', name: 'web' })
      expect(parse('GET', '/api/v1/pods', { fieldSelector: ['status.phase=Running'] })).toMatchObject({ name: '' })
      const many = { verb: 'deletecollection', name: '' }
      expect(parse('DELETE', '/api/v1/namespaces/shop/pods', query), 'DELETE with the selector').toMatchObject(many)
      const other = { verb: 'get', name: 'other' }
      expect(parse('GET', '/api/v1/namespaces/shop/pods/other', query), 'a name in the path').toMatchObject(other)
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
      const random = randomFor(context)
      for (let run = 0; run < 200; run++) {
        const resource = random.pick(Object.values(resources))
        const namespace =
          resource.namespaced && random.chance(0.8) ? random.pick(['default', 'status', 'a-b']) : undefined
        const name = random.chance(0.7) ? random.pick(['web', 'x.y', 'ünï']) : undefined
        const subresource = name && resource.plural !== 'namespaces' ? random.pick(['', 'status', 'scale']) : ''
        const path = resourcePath(resource, { namespace, name, subresource })
        const expectedNamespace = resource.plural === 'namespaces' ? (name ?? '') : (namespace ?? '')
        expect(parse('GET', path)).toEqual({
          path,
          isResourceRequest: true,
          verb: name ? 'get' : 'list',
          apiPrefix: resource.group === '' ? 'api' : 'apis',
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
