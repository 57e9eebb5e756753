/** What a member without a leader does for clients that said that they want one (`hasleader`), and for those who did not. */
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient } from '#kit/etcd-api/client.ts'
import { serviceDefinition } from '#kit/etcd-api/services.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { serving } from './targets.ts'

for (const program of ['ours', 'real'] as const) {
  describeWith(program === 'real' ? ['etcd'] : [], `the last of three members: ${program}`, () => {
    let members: EtcdProcesses
    let client: Client

    beforeAll(async () => {
      members = await startEtcdProcesses({ members: 3, program })
      const any = createEtcdClient({ endpoints: members.endpoints })
      await serving(any)
      any.close()
      client = new Client(members.endpoint('a'), credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
    }, 60_000)
    afterAll(async () => {
      client?.close()
      await members?.stop()
    })

    const metadata = (wantsLeader: boolean) => {
      const said = new Metadata()
      if (wantsLeader) said.set('hasleader', 'true')
      return said
    }
    const stream = (service: 'Watch' | 'Lease', method: string, wantsLeader: boolean) => {
      const { path, requestSerialize, responseDeserialize } = serviceDefinition(service, 'buffer')[method]!
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata(wantsLeader))
      const heard = new Promise((resolve) => call.once('data', resolve))
      const ended = new Promise<object>((resolve) => call.once('error', resolve))
      return { call, heard, ended, write: (request: object) => call.write(request as Buffer) }
    }
    const serializableRange = (wantsLeader: boolean) => {
      const { path, requestSerialize, responseDeserialize } = serviceDefinition('KV', 'buffer').Range!
      const request = { key: 'k', serializable: true }
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          ...[path, requestSerialize, responseDeserialize, request, metadata(wantsLeader)],
          (error, response) => (error ? reject(error) : resolve(response)),
        )
      })
    }

    lesson(
      'ends their streams and refuses their requests, and serves the others as well as it can',
      {
        scenario: 'Watches and a keep-alive stream with and without `hasleader`; two of three members are killed.',
        rule: 'Who asked for a leader hears "no leader" instead of waiting; who did not keeps the stream, and may read what is stale.',
        source: 'etcd server/etcdserver/api/v3rpc/interceptor.go',
        timeoutMs: 60_000,
      },
      async () => {
        const demanding = stream('Watch', 'Watch', true)
        const patient = stream('Watch', 'Watch', false)
        const keepAlive = stream('Lease', 'LeaseKeepAlive', true)
        for (const { write, heard } of [demanding, patient]) {
          write({ createRequest: { key: 'k' } })
          await heard
        }
        await Promise.all([members.kill('b'), members.kill('c')])
        const noLeader = { code: 14, details: 'etcdserver: no leader' }
        expect(await demanding.ended).toMatchObject(noLeader)
        expect(await keepAlive.ended).toMatchObject(noLeader)
        await expect(serializableRange(true)).rejects.toMatchObject(noLeader)
        expect(await serializableRange(false)).toMatchObject({ count: 0 })
        const answer = new Promise((resolve) => patient.call.once('data', resolve))
        patient.write({ createRequest: { key: 'other' } })
        expect(await answer, 'the stream that did not ask').toMatchObject({ created: true })
        patient.call.cancel()
      },
    )
  })
}
