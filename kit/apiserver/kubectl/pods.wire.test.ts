/** `kubectl logs` and `exec`, by way of a kubelet that only pretends. */
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, pod, runningStatus, setStatus } from '../testing/manifests.ts'

describeKubectl('with what runs in pods', ({ output, failure, run }) => {
  it('logs', async () => {
    await output('create -f -', { stdin: `${pod('web-1')}---${deployment('web')}` })
    await output(setStatus('pod web-1', runningStatus))
    expect(await output('logs web-1 --tail=2')).toBe('two\nthree\n')
    expect(await output('logs deploy/web --tail=1')).toBe('three\n')
    expect(await output('logs -l app=web --prefix --tail=1')).toBe('[pod/web-1/main] three\n')
    const { stdout } = await run('logs -f web-1', { enough: (text) => text.includes('more') })
    expect(stdout).toMatch(/^one\ntwo\nthree\nmore\n/)
    expect(await failure('logs web-1 -c nosuch')).toBe('error: container nosuch is not valid for pod web-1\n')
    expect(await failure('logs nope')).toBe(
      'error: error from server (NotFound): pods "nope" not found in namespace "default"\n',
    )
  })

  it('exec', async () => {
    expect(await output('exec web-1 -- echo hello world')).toBe('hello world\n')
    expect(await output('exec deploy/web -- echo hello')).toBe('hello\n')
    expect(await output('exec -i web-1 -- cat', { stdin: 'through and back' })).toBe('through and back')
    expect(await run('exec web-1 -- exit 3')).toEqual({
      code: 3,
      stdout: '',
      stderr: 'leaving\ncommand terminated with exit code 3\n',
    })
    await output('run homeless --image=img:1')
    expect(await failure('exec homeless -- true')).toContain('pod homeless does not have a host assigned')
  })
})
