/** A few recorded commands, given to a whole control plane by the real kubectl. */
import { expect, it } from 'vitest'
import { silentLog } from '../contracts/log.ts'
import { describeWith } from '../testing/tools.ts'
import { replay } from './replay.ts'
import type { Transcript } from './transcript.ts'

/** As it would be recorded from any cluster. */
const recorded: readonly Transcript[] = [
  {
    command: 'kubectl create configmap cm --from-literal=a=b',
    exit: 0,
    stdout: 'configmap/cm created\n',
    stderr: '',
    http: [
      {
        method: 'POST',
        url: '/api/v1/namespaces/default/configmaps?fieldManager=kubectl-create&fieldValidation=Strict',
        status: 201,
        responseType: 'application/json',
      },
    ],
  },
  {
    command: `kubectl get cm cm -o 'jsonpath={.data.a} {.metadata.uid}'`,
    exit: 0,
    stdout: 'b 28ae403c-2eab-402b-a0c1-38ac1a7629da',
    stderr: '',
    http: [
      { method: 'GET', url: '/api/v1/namespaces/default/configmaps/cm', status: 200, responseType: 'application/json' },
    ],
  },
  { command: 'kubectl get cm cm -o name', exit: 1, stdout: 'configmap/other\n', stderr: '', http: [] },
]

describeWith(['kubectl'], 'a recording, given to our cluster', () => {
  it('is the same where it is the same, and differs where it differs', async () => {
    const seen: number[] = []
    const { comparisons } = await replay({
      transcripts: recorded,
      only: new Set([1, 3]),
      log: silentLog,
      onComparison: ({ number }) => seen.push(number),
    })
    expect(seen).toEqual([1, 3])
    const unexpected = comparisons.map((comparison) =>
      comparison.unexpected.map(({ where, text }) => `${where} ${text}`),
    )
    expect(unexpected).toEqual([
      [],
      [
        'exit 0, not 1',
        'stdout + configmap/cm',
        'stdout - configmap/other',
        'http GET /api/v1/namespaces/default/configmaps/cm: asked here only',
      ],
    ])
  })
})
