/** kubectl passes on which part of the API server is still to be written. */
import { expect, it } from 'vitest'
import { StatusError } from '../../api/status-error.ts'
import { describeWith } from '../../testing/tools.ts'
import { startHttpServer } from '../http-server.ts'
import { createKubectl } from '../testing/kubectl.ts'

describeWith(['kubectl'], 'kubectl and an API server that is not written yet', () => {
  it('says what to write', async () => {
    const message =
      'not implemented yet: labs/02-apiserver/src/request-info.ts, `parseRequestInfo` (step 2.1: Read the path)'
    const status = new StatusError(501, 'NotImplemented', message).toStatus()
    const server = await startHttpServer({
      handle: async () => ({ kind: 'object', code: 501, object: { ...status } }),
      kinds: [],
      bindAddresses: ['127.0.0.1'],
      port: 0,
    })
    const kubectl = createKubectl({ server: `http://127.0.0.1:${server.port}` })
    for (const command of ['get pods', 'version', 'get --raw /api/v1/pods']) {
      expect((await kubectl(command)).stderr).toContain(message)
    }
    kubectl.remove()
    await server.stop()
  })
})
