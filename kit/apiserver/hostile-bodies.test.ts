/**
 * Bodies that were made to do harm: each is answered with a `Status` that says why, soon, and nothing else changes.
 *
 * Source: CVE-2019-11253 (aliases), CVE-2019-1002100 (JSON patches); apiserver `pkg/endpoints/handlers/patch.go`.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../sim/random.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
/** Nearly as much as is read at all. */
const MOST = 3 * 1024 * 1024 - 100

let server: PlainServer
beforeAll(async () => {
  server = await startPlainServer()
})
afterAll(() => server?.stop())

async function send(method: string, path: string, type: string, body: string | Uint8Array<ArrayBuffer>) {
  const headers = { Authorization: 'Bearer admin', 'Content-Type': `application/${type}` }
  const response = await fetch(server.url + path, { method, headers, body })
  const answer = (await response.json()) as { kind: string; message?: string; data?: object }
  return { ...answer, status: response.status }
}

const aliases = (...levels: readonly string[]) =>
  ['a: &a [x, x, x, x, x, x, x, x, x]', ...levels]
    .map(
      (line, level) =>
        line || `${'abcdefghi'[level]}: &${'abcdefghi'[level]} [${Array(9).fill(`*${'abcdefghi'[level - 1]}`)}]`,
    )
    .join('\n')

describe('objects', () => {
  it.each([
    ['JSON, nested as deep as it goes', 'json', '['.repeat(MOST), 'exceeded max depth'],
    ['JSON, nested and whole', 'json', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 'exceeded max depth'],
    ['JSON that ends too soon', 'json', '{"metadata":{"name":"a"', 'json parse error'],
    ['JSON behind a mark of byte order', 'json', '\ufeff{}', 'json parse error'],
    ['YAML, nested in brackets', 'yaml', '['.repeat(MOST), 'nesting exceeded'],
    ['YAML, nested in dashes', 'yaml', '- '.repeat(MOST / 2), 'nesting exceeded'],
    ['YAML, nested in keys', 'yaml', '? '.repeat(MOST / 2), 'nesting exceeded'],
    [
      'YAML, nested by indentation',
      'yaml',
      Array.from({ length: 2000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
      'nesting exceeded',
    ],
    ['aliases of aliases', 'yaml', aliases('', '', '', '', '', '', '', ''), 'excessive aliasing'],
    ['an alias within what it stands for', 'yaml', 'metadata: {name: a}\ndata: &a {b: *a}', 'exceeded max depth'],
    ['a key twice', 'yaml', 'metadata: {name: a}\nmetadata: {name: b}', 'duplicated mapping key'],
    ['a key very often', 'yaml', 'a: b\n'.repeat(MOST / 5), 'duplicated mapping key'],
    ['two documents', 'yaml', 'metadata: {name: a}\n---\nmetadata: {name: b}', 'expected a single document'],
    ['a tag that stands for code', 'yaml', '!!js/function "process.exit()"', 'unknown tag'],
    ['only quotes', 'yaml', '"'.repeat(MOST), 'yaml parse error'],
    ['a long list', 'yaml', '- &a v\n- *a\n'.repeat(MOST / 12), 'it is not an object'],
  ])('%s', async (_what, type, body, why) => {
    const answer = await send('POST', CONFIG_MAPS, type, body)
    expect(answer).toMatchObject({ kind: 'Status', status: 400, reason: 'BadRequest' })
    expect(answer.message).toContain(why)
  })

  it('with as many keys as fit are still read in a moment', async () => {
    const keys = Array.from({ length: 40_000 }, (_, at) => `  k${at}: v`).join('\n')
    const answer = await send('POST', CONFIG_MAPS, 'yaml', `kind: Pod\nmetadata: {name: many}\ndata:\n${keys}`)
    expect(answer).toMatchObject({ kind: 'Status', status: 400 })
  })

  it('keep what an alias stands for in two places apart', async () => {
    const text = 'metadata: {name: shared, labels: &a {x: y}, annotations: *a}\ndata: *a\n'
    expect(await send('POST', CONFIG_MAPS, 'yaml', text)).toMatchObject({ status: 201, data: { x: 'y' } })
  })

  it('in protobuf, cut and changed anywhere, are a Status', async ({ task }) => {
    const seed = Number(process.env.SEED ?? 11)
    task.meta.seed = seed
    const random = createRandom(seed)
    // A ConfigMap: {metadata: {name: "a"}, data: {"a": "b"}}, in its envelope.
    const whole = Buffer.from(
      'k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x0f\x0a\x03\x0a\x01a\x12\x06\x0a\x01a\x12\x01b',
      'latin1',
    )
    for (let times = 0; times < 150; times++) {
      const bytes = Uint8Array.from(whole.subarray(0, random.chance(0.3) ? random.below(whole.length) : whole.length))
      for (let changes = random.below(3); changes >= 0; changes--) bytes[random.below(bytes.length)] = random.below(256)
      const answer = await send('POST', CONFIG_MAPS, 'vnd.kubernetes.protobuf', bytes)
      const told = `seed ${seed}: ${Buffer.from(bytes).toString('hex')} → ${answer.status} ${answer.message}`
      expect([201, 400, 409, 422], told).toContain(answer.status)
    }
  })
})

describe('patches', () => {
  beforeAll(async () => {
    await server.ask(CONFIG_MAPS, { method: 'POST', body: { metadata: { name: 'p' }, data: { a: 'b' } } })
  })
  const patch = (type: string, body: unknown) =>
    send('PATCH', `${CONFIG_MAPS}/p?fieldManager=m`, type, JSON.stringify(body))

  it.each([
    [
      'copies of everything into itself',
      Array.from({ length: 40 }, () => ({ op: 'copy', from: '/x', path: '/x/-' })),
      413,
    ],
    [
      'more operations than anyone needs',
      Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: 'b' })),
      413,
    ],
    ["a list's length", [{ op: 'replace', path: '/x/length', value: 4_294_967_295 }], 422],
    ['an item far behind the end', [{ op: 'add', path: '/x/4294967294', value: 1 }], 422],
    ['what all objects have', [{ op: 'add', path: '/metadata/__proto__', value: { name: 'x' } }], 422],
    ['a move into what is moved', [{ op: 'move', from: '/data', path: '/data/x' }], 422],
    ['no path', [{ op: 'add', value: 1 }], 422],
    ['no list', { op: 'add' }, 400],
    ['no operation', [1], 400],
    ['nothing left', [{ op: 'replace', path: '', value: null }], 400],
  ])('in JSON: %s', async (_what, operations, status) => {
    const list = Array.isArray(operations)
      ? [{ op: 'add', path: '/x', value: ['aaaaaaaaaaaa'] }, ...operations]
      : operations
    expect(await patch('json-patch+json', list)).toMatchObject({ kind: 'Status', status })
  })

  const odd = [1, 'x', null, [], [1, null, {}], {}, { x: 1 }, [[[]]], true]
  const directives = [
    '$patch',
    '$retainKeys',
    '$setElementOrder',
    '$setElementOrder/finalizers',
    '$setElementOrder/ownerReferences',
    '$deleteFromPrimitiveList/finalizers',
    'ownerReferences',
    'managedFields',
    'labels',
  ]
  it.each(directives)('strategic, whatever %s says, leave the server well', async (directive) => {
    for (const value of odd) {
      const answer = await patch('strategic-merge-patch+json', { metadata: { [directive]: value } })
      expect([200, 400, 422], `${directive}: ${JSON.stringify(value)} → ${answer.message}`).toContain(answer.status)
    }
  })

  it('name no prototype', async () => {
    const text =
      '{"metadata":{"annotations":{"toString":"x","constructor":"y"}},"data":{"__proto__":{"a":"c"},"hasOwnProperty":"z"}}'
    for (const type of ['merge-patch+json', 'strategic-merge-patch+json']) {
      const answer = await send('PATCH', `${CONFIG_MAPS}/p`, type, text)
      expect(answer).toMatchObject({ status: 200, data: { a: 'b', hasOwnProperty: 'z' } })
    }
    expect(({} as Record<string, unknown>).a).toBeUndefined()
  })

  const book = (fields: unknown, more: object = {}) => ({
    manager: 'm',
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...more,
  })
  it.each([
    ['fields of no form', book({ 'f:data': { 'k:{': {}, 'v:': {}, 'i:x': {}, q: 1, 'f:': {} } })],
    ['a text for fields', book('x')],
    ['a version that nobody serves', book({ 'f:data': {} }, { apiVersion: 'nonsense/v9', operation: 'Apply' })],
    ['an operation that is none', book({}, { operation: 'Guess' })],
    ['nothing', {}],
    ['fields in fields', book(JSON.parse(`${'{"f:a":'.repeat(900)}{}${'}'.repeat(900)}`))],
  ])('with a book of managed fields that holds %s leave the object writable', async (_what, entry) => {
    const answer = await patch('merge-patch+json', { metadata: { managedFields: [entry] } })
    expect([200, 400, 422], answer.message).toContain(answer.status)
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'p' }, data: { a: 'b' } }
    const after = await send(
      'PATCH',
      `${CONFIG_MAPS}/p?fieldManager=m&force=true`,
      'apply-patch+yaml',
      JSON.stringify(applied),
    )
    expect(after, after.message).toMatchObject({ status: 200 })
  })

  it.each([
    ['a list', '[1]'],
    ['nothing', 'null'],
    ['a text', 'x'],
    ['another object', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: q}'],
    ['another kind', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}'],
    ['a book of its own', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p, managedFields: [{}]}'],
    ['brackets', `apiVersion: v1\nkind: ConfigMap\ndata: ${'['.repeat(5000)}`],
  ])('that apply %s are refused', async (_what, text) => {
    expect(await send('PATCH', `${CONFIG_MAPS}/p?fieldManager=m`, 'apply-patch+yaml', text)).toMatchObject({
      kind: 'Status',
      status: 400,
    })
  })
})

describe('bodies that do not end', () => {
  const post = (...headers: string[]) =>
    [
      `POST ${CONFIG_MAPS}?timeout=100ms HTTP/1.1`,
      'Host: x',
      'Authorization: Bearer admin',
      'Content-Type: application/json',
      ...headers,
      '',
      '',
    ].join('\r\n')

  it.each([
    ['more is announced than is read', `${post('Content-Length: 5000000')}{`, 413],
    ['more comes than is read', `${post('Transfer-Encoding: chunked')}400000\r\n${' '.repeat(0x400000)}\r\n`, 413],
    ['the rest never comes', `${post('Content-Length: 100')}{`, 504],
    ['the next piece never comes', `${post('Transfer-Encoding: chunked')}2\r\n{ \r\n`, 504],
  ])('%s: the connection is closed after the answer', async (_what, sent, status) => {
    const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1' })
    let received = ''
    socket.on('data', (text) => {
      received += text
    })
    // Whoever writes on meets a closed door.
    socket.on('error', () => {})
    socket.write(sent)
    await once(socket, 'close')
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"kind":"Status"`, 's'))
  })
})
