/**
 * What a list or a watch may be asked for, and what upstream says to everything else, parameter by parameter.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'
import { hasRecordings, recording } from './testing/upstream.ts'

const PODS = '/api/v1/namespaces/default/pods'
const LISTS = '/api/v1/namespaces/default/configmaps'
const INVALID = 'ListOptions.meta.k8s.io "" is invalid: '
const token = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url')

/** Source: apimachinery `pkg/apis/meta/internalversion/validation`, apiserver `pkg/storage/continue.go`, `etcd3/store.go`. */
const refused: readonly [query: string, code: number, message: string][] = [
  [
    'resourceVersionMatch=Exact',
    422,
    `${INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided`,
  ],
  [
    'resourceVersionMatch=NotOlderThan',
    422,
    `${INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided`,
  ],
  [
    'resourceVersionMatch=Exact&resourceVersion=0',
    422,
    `${INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"`,
  ],
  [
    'resourceVersionMatch=Newest&resourceVersion=5',
    422,
    `${INVALID}resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""`,
  ],
  [
    'resourceVersionMatch=Newest',
    422,
    `${INVALID}[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""]`,
  ],
  [
    `resourceVersionMatch=Exact&resourceVersion=5&continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: 'a' })}`,
    422,
    `${INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided`,
  ],
  ['sendInitialEvents=true', 422, `${INVALID}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  ['sendInitialEvents=false', 422, `${INVALID}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  [
    'watch=true&sendInitialEvents=true',
    422,
    `${INVALID}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`,
  ],
  [
    'watch=true&sendInitialEvents=false&resourceVersion=5',
    422,
    `${INVALID}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`,
  ],
  [
    'watch=true&resourceVersionMatch=NotOlderThan',
    422,
    `${INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
  ],
  [
    'watch=true&resourceVersionMatch=Exact',
    422,
    `${INVALID}[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
  ],
  [
    'resourceVersion=abc',
    400,
    'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  ],
  ['limit=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['timeoutSeconds=1.5', 400, 'strconv.ParseInt: parsing "1.5": invalid syntax'],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: 'a' })}&resourceVersion=5`,
    400,
    'specifying resource version is not allowed when using continue',
  ],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' })}`,
    400,
    'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  ],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: '' })}`,
    400,
    'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
  ],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: '../kube-system/a' })}`,
    400,
    'invalid continue token: continue key is not valid: ../kube-system/a',
  ],
  [
    `continue=${token({ v: 'v9', rv: 5, start: 'a' })}`,
    400,
    'invalid continue token: continue key is not valid: server does not recognize this encoded version v9',
  ],
  ['labelSelector=a b c', 400, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  [
    'fieldSelector=spec.nosuch=1',
    400,
    '"spec.nosuch" is not a known field selector: only "metadata.name", "metadata.namespace"',
  ],
  ['timeout=soon', 400, 'invalid timeout specified in the request URL - time: invalid duration "soon"'],
]

describe('lists and watches', () => {
  let server: PlainServer
  beforeAll(async () => {
    server = await startPlainServer()
  })
  afterAll(() => server?.stop())

  it.each(refused)('refuse ?%s', async (query, code, message) => {
    const { status, body } = await server.ask(`${LISTS}?${encodeURI(query)}`)
    expect({ status, code: body.code, message: body.message }).toEqual({ status: code, code, message })
  })

  /** Source: kubernetes `pkg/apis/core/v1/conversion.go` (AddFieldLabelConversionsFor…) and its like in other groups. */
  it.each([
    ['/api/v1/pods', ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName']],
    ['/api/v1/pods', ['spec.hostNetwork', 'status.phase', 'status.podIP', 'status.nominatedNodeName']],
    ['/api/v1/nodes', ['spec.unschedulable']],
    ['/api/v1/namespaces', ['status.phase']],
    ['/api/v1/secrets', ['type']],
    ['/api/v1/services', ['spec.clusterIP', 'spec.type']],
    ['/api/v1/replicationcontrollers', ['status.replicas']],
    ['/api/v1/events', ['involvedObject.kind', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'source']],
    ['/apis/events.k8s.io/v1/events', ['regarding.name', 'regarding.uid', 'reason', 'reportingController', 'type']],
    ['/apis/batch/v1/jobs', ['status.successful']],
    ['/apis/certificates.k8s.io/v1/certificatesigningrequests', ['spec.signerName']],
    ['/apis/apps/v1/deployments', ['metadata.name', 'metadata.namespace']],
  ])('select %s by %j', async (path, fields) => {
    for (const field of fields) {
      const { status, body } = await server.ask(`${path}?fieldSelector=${field}!=nobody`)
      expect(status, body.message).toBe(200)
    }
  })

  it('say of kinds with fields of their own that a field is not among them', async () => {
    const { body } = await server.ask(`${PODS}?fieldSelector=spec.nosuch=1`)
    expect(body.message).toBe('field label not supported: spec.nosuch')
  })

  it.each([
    '',
    'resourceVersion=0',
    'resourceVersion=1',
    'resourceVersion=0&resourceVersionMatch=NotOlderThan',
    'resourceVersion=2&resourceVersionMatch=NotOlderThan',
    'resourceVersion=2&resourceVersionMatch=Exact',
    'limit=1',
    'limit=-1',
    'limit=1&resourceVersion=0',
    'limit=1&resourceVersion=2',
    'limit=1&resourceVersion=2&resourceVersionMatch=NotOlderThan',
    'timeout=32s',
    'timeout=6m23s',
    'timeout=1.5h',
  ])('answer ?%s', async (query) => {
    expect((await server.ask(`${LISTS}?${query}`)).status).toBe(200)
  })

  it('answer 504 to a version from the future, with what to do about it', async () => {
    const queries = ['', '&limit=1', '&resourceVersionMatch=Exact', '&resourceVersionMatch=NotOlderThan']
    // Some wait for the future for a while: at the same time.
    const ask = (query: string) => server.ask(`${LISTS}?resourceVersion=99999999${query}`)
    const answers = await Promise.all(queries.map(async (query) => ({ query, ...(await ask(query)) })))
    for (const { query, status, headers, body } of answers) {
      expect({ query, status, retryAfter: headers.get('retry-after') }).toEqual({ query, status: 504, retryAfter: '1' })
      expect(body.details).toEqual({
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      })
      expect(body.message).toMatch(/^Timeout: Too large resource version: 99999999, current: \d+$/)
    }
  })
})

interface Shape {
  readonly request: string
  readonly answer: { readonly httpStatus?: number; readonly message?: string; readonly text?: string } | 'stream'
}

describe.skipIf(!hasRecordings)('what a real server said to bad requests', () => {
  const shapes = hasRecordings ? Object.entries(recording<Record<string, Shape>>('error-shapes.json')) : []
  const comparable = shapes.filter(([, { request, answer }]) => request.startsWith('GET') && typeof answer === 'object')
  let server: PlainServer
  beforeAll(async () => {
    server = await startPlainServer()
  })
  afterAll(() => server?.stop())

  it.each(comparable.filter(([name]) => name !== 'version' && name !== 'bad-continue'))('%s', async (_, shape) => {
    const { httpStatus, text, ...expected } = shape.answer as Exclude<Shape['answer'], 'stream'>
    const got = await server.ask(shape.request.replace('GET ', ''))
    expect(got.status).toBe(httpStatus)
    if (text) expect(got.text).toBe(text)
    const withoutNumbers = (value: object) => JSON.parse(JSON.stringify(value).replace(/current: \d+/, 'current: …'))
    if (!text) expect(withoutNumbers(got.body)).toEqual(withoutNumbers(expected))
  })
})
