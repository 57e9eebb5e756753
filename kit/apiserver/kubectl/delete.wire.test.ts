/** `kubectl delete` and `wait`: what goes at once, what waits for somebody, and for how long one waits. */
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, pod, runningStatus, setStatus } from '../testing/manifests.ts'

describeKubectl('delete and wait', ({ output, failure, run }) => {
  const configMaps = (...names: string[]) =>
    names
      .map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {app: ${name}}}\n`)
      .join('---\n')

  it('by name, by file, by label, all', async () => {
    await output('create -f -', { stdin: configMaps('a', 'b', 'c', 'd', 'e') })
    expect(await output('delete cm a')).toBe('configmap "a" deleted\n')
    expect(await output('delete -f -', { stdin: configMaps('b') })).toBe('configmap "b" deleted\n')
    expect(await output('delete cm -l app=c')).toBe('configmap "c" deleted\n')
    expect(await output('delete cm --all --dry-run=server')).toContain('configmap "d" deleted (server dry run)\n')
    expect(await output('delete cm d --dry-run=client')).toBe('configmap "d" deleted (dry run)\n')
    expect(await output('delete cm --all')).toBe('configmap "d" deleted\nconfigmap "e" deleted\n')
    expect(await output('delete cm --all')).toBe('No resources found\n')
    expect(await failure('delete pod nope')).toBe('Error from server (NotFound): pods "nope" not found\n')
    expect(await run('delete pod nope --ignore-not-found')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await output('delete cm --all -n kube-public')).toBeDefined()
  })

  it('asks for each way to treat what an object owns', async () => {
    for (const cascade of ['background', 'orphan', 'foreground']) {
      await output('create -f -', { stdin: deployment(`of-${cascade}`) })
      const finalizers = { background: '', orphan: '["orphan"]', foreground: '["foregroundDeletion"]' }[cascade]
      expect(await output(`delete deploy of-${cascade} --cascade=${cascade} --wait=false`)).toBe(
        `deployment.apps "of-${cascade}" deleted\n`,
      )
      // Here is no garbage collector, so what waits for one stays.
      const left = await output(`get deploy of-${cascade} --ignore-not-found -o 'jsonpath={.metadata.finalizers}'`)
      expect(left).toBe(finalizers)
    }
  })

  it('waits for a pod until its kubelet says that it is gone', async () => {
    await output('create -f -', { stdin: [pod('web-1'), pod('web-2'), pod('web-3')].join('---') })
    for (const name of ['web-1', 'web-2', 'web-3']) await output(setStatus(`pod ${name}`, runningStatus))
    const deleting = output('delete pod web-1')
    await expect.poll(() => output('get pod web-1'), { timeout: 20_000 }).toMatch(/web-1 +1\/1 +Terminating/)
    const forced = await run('delete pod web-1 --grace-period=0 --force')
    expect(forced).toEqual({
      code: 0,
      stdout: 'pod "web-1" force deleted\n',
      stderr:
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
    })
    expect(await deleting).toBe('pod "web-1" deleted\n')
    expect(await output('delete pod web-2 --now --wait=false')).toBe('pod "web-2" deleted\n')
    expect(await output(`get pod web-2 -o 'jsonpath={.metadata.deletionGracePeriodSeconds}'`)).toBe('1')
    expect(await failure('delete pod web-3 --timeout=1s')).toContain(
      'error: timed out waiting for the condition on pods/web-3\n',
    )
  })

  it('wait: for a condition, a value, a creation, a deletion', async () => {
    await output('create -f -', { stdin: `${deployment('web')}---${pod('web-4')}` })
    const conditions = [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: '' }]
    const waiting = run('wait --for=condition=Available deploy/web --timeout=20s')
    await output(setStatus('deploy web', { conditions }))
    expect((await waiting).stdout).toBe('deployment.apps/web condition met\n')
    await output(setStatus('pod web-4', runningStatus))
    expect(await output(`wait '--for=jsonpath={.status.phase}=Running' pod web-4 --timeout=20s`)).toBe(
      'pod/web-4 condition met\n',
    )
    expect(await failure('wait --for=condition=Nonsense pod/web-4 --timeout=1s')).toBe(
      'error: timed out waiting for the condition on pods/web-4\n',
    )
    const created = output('wait --for=create configmap/late --timeout=20s')
    await output('create configmap late')
    expect(await created).toBe('configmap/late condition met\n')
    const deleted = output('wait --for=delete configmap/late --timeout=20s')
    await output('delete configmap late')
    expect(await deleted).toMatch(/^(configmap\/late condition met\n)?$/)
    expect(await output('wait --for=delete pod/nope --timeout=5s')).toBe('')
  })
})
