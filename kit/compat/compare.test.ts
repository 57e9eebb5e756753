/** What counts as a difference between two transcripts, and what does not. */
import { describe, expect, it } from 'vitest'
import { ACCEPTED } from './accepted.ts'
import { compareTranscripts } from './compare.ts'
import { normalise } from './normalise.ts'
import { judge } from './replay.ts'
import { splitWords } from './run-command.ts'
import type { Exchange, Transcript } from './transcript.ts'

const transcript = (more: Partial<Transcript>): Transcript => ({
  command: 'kubectl get pods',
  exit: 0,
  stdout: '',
  stderr: '',
  http: [],
  ...more,
})
const answer = (response: unknown, more: Partial<Exchange> = {}): Transcript =>
  transcript({
    http: [{ method: 'GET', url: '/api/v1/pods', status: 200, responseType: 'application/json', response, ...more }],
  })
const texts = (ours: Transcript, theirs: Transcript) =>
  compareTranscripts(ours, theirs).map(({ where, text }) => `${where} ${text}`)

describe('two transcripts of one command', () => {
  it('are the same when only identities, times and names differ', () => {
    const table = (pod: string, age: string) => `NAME                  READY   AGE\nweb-${pod}   1/1     ${age}\n`
    expect(
      texts(
        transcript({ stdout: table('6bdfff576c-45xpt', '10s') }),
        transcript({ stdout: table('ghbjdfhfd-8sxmw', '2m3s') }),
      ),
    ).toEqual([])
    expect(normalise('uid: 28ae403c-2eab-402b-a0c1-38ac1a7629da at 2026-01-02T03:04:05Z')).toBe('uid: <uid> at <time>')
    expect(normalise('Sun, 22 Nov 2026 15:03:59 +0000, eyJh.eyJi.c_-')).toBe('<time>, <token>')
    expect(normalise('"resourceVersion": "12", resourceVersion=0, 10.96.3.4 but 10.96.0.1')).toBe(
      '"resourceVersion": "<version>", resourceVersion=0, <cluster ip> but 10.96.0.1',
    )
    expect(normalise('    cpu: 50m, web-proxy')).toBe('    cpu: 50m, web-proxy')
  })

  it('differ in what is said, in which order, and in how it ends', () => {
    const create = { command: 'kubectl create -f -' }
    expect(
      texts(transcript({ ...create, stdout: 'a\nb\n' }), transcript({ ...create, stdout: 'a\nc\n', exit: 1 })),
    ).toEqual(['exit 0, not 1', 'stdout + b', 'stdout - c'])
    expect(texts(transcript({ ...create, stderr: 'a\nb\n' }), transcript({ ...create, stderr: 'b\na\n' }))).toEqual([
      'stderr the same lines in another order',
    ])
    expect(texts(transcript({ stdout: 'a\nb\n' }), transcript({ stdout: 'b\na\n' }))).toEqual([])
    expect(texts(transcript({ exit: 0 }), transcript({ exit: 'timeout' }))).toEqual([])
  })

  it('differ in what the API server answers, path by path', () => {
    const theirs = answer({ spec: { replicas: 1, a: null }, metadata: { uid: 'x', name: 'n' } })
    expect(texts(answer({ spec: { replicas: 2, b: [] }, metadata: { uid: 'y', name: 'n' } }), theirs)).toEqual([
      'http GET /api/v1/pods: lacks spec.a',
      'http GET /api/v1/pods: has spec.b, which is not there',
      'http GET /api/v1/pods: spec.replicas is 2, not 1',
    ])
    const verbs = (...verbs: string[]) => answer({ verbs })
    expect(texts(verbs('get', 'list', 'top'), verbs('get', 'watch'))).toEqual([
      'http GET /api/v1/pods: verbs[] is also "list" | "top", and never "watch"',
    ])
    expect(texts(answer({}, { status: 404 }), theirs)).toEqual(['http GET /api/v1/pods: status 404, not 200'])
    expect(texts(transcript({}), theirs)).toEqual(['http GET /api/v1/pods: never asked'])
  })

  it('compare only the shape of lists, and who manages which field as a whole', () => {
    const pod = (name: string, more: object = {}) => ({ metadata: { name, ...more } })
    expect(
      texts(answer({ items: [pod('a'), pod('b')] }), answer({ items: [pod('c', { labels: { a: 'b' } })] })),
    ).toEqual(['http GET /api/v1/pods: lacks items[].metadata.labels.a'])
    const managed = (fieldsV1: object) => pod('a', { managedFields: [{ manager: 'm', operation: 'Update', fieldsV1 }] })
    expect(texts(answer(managed({ b: {}, a: {} })), answer(managed({ a: {}, b: {} })))).toEqual([])
    expect(texts(answer(managed({ a: {} })), answer(managed({ b: {} })))).toHaveLength(1)
  })

  it('make nothing of requests repeated, of selectors in another order, and of what a client caches', () => {
    const ask = (url: string, status = 200): Exchange => ({ method: 'GET', url, status })
    const selector = (...terms: string[]) => ask(`/api/v1/events?fieldSelector=${terms.join('%2C')}&limit=500`)
    expect(
      texts(transcript({ http: [selector('a%3D1', 'b%3D2')] }), transcript({ http: [selector('b%3D2', 'a%3D1')] })),
    ).toEqual([])
    expect(texts(transcript({ http: [ask('/x'), ask('/x')] }), transcript({ http: [ask('/x')] }))).toEqual([])
    expect(texts(transcript({ http: [ask('/openapi/v3')] }), transcript({}))).toEqual([])
    expect(texts(transcript({ http: [ask('/openapi/v3', 304)] }), transcript({ http: [ask('/openapi/v3')] }))).toEqual(
      [],
    )
  })
})

describe('accepted differences', () => {
  it('are about something: none accepts whatever may come', () => {
    for (const line of ['', 'x', '+ x', '- x', 'GET /x: lacks y', 'GET /x: y is 1, not 2', 'GET /x: never asked']) {
      expect(ACCEPTED.filter(({ text }) => text.test(line)).map(({ reason }) => reason)).toEqual([])
    }
  })

  it('are accepted as often as is said', () => {
    const explanation = (lines: number) => {
      const stdout = Array.from({ length: lines }, (_, number) => `    meaning ${number}\n`).join('')
      return transcript({ command: 'kubectl explain pod.spec.containers', stdout })
    }
    const { accepted, unexpected } = judge(explanation(0), explanation(16), new Set())
    expect([accepted.length, unexpected.length]).toEqual([14, 2])
  })
})

describe('a command line', () => {
  it('is split as a shell would', () => {
    expect(splitWords(`kubectl patch x -p '{"a":"b c"}' --name="x y" a\\ b`)).toEqual([
      'kubectl',
      'patch',
      'x',
      '-p',
      '{"a":"b c"}',
      '--name=x y',
      'a b',
    ])
  })
})
