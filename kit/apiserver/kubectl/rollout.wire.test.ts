/** `kubectl rollout` and `scale`, with nobody but the test to play the controllers. */
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, setStatus } from '../testing/manifests.ts'

describeKubectl('scale and rollout', ({ output, failure, run, server }) => {
  it('scale', async () => {
    await output('create -f -', { stdin: deployment('web') })
    expect(await output('scale deploy/web --replicas=2')).toBe('deployment.apps/web scaled\n')
    expect(await output('scale deploy/web --replicas=3 --current-replicas=2')).toBe('deployment.apps/web scaled\n')
    expect(await failure('scale deploy/web --replicas=3 --current-replicas=7')).toBe(
      'error: Expected replicas to be 7, was 3\n',
    )
    expect(await failure('scale deploy/nope --replicas=2')).toBe(
      'error: no objects passed to scale deployments.apps "nope" not found\n',
    )
    expect(await output('scale -f - --replicas=3', { stdin: deployment('web') })).toBe('deployment.apps/web scaled\n')
    expect(await output(`get deploy web -o 'jsonpath={.spec.replicas}'`)).toBe('3')
    expect(await output(`get deploy web --subresource=scale --no-headers`)).toMatch(/^web +3 +0 +\d+s\n$/)
  })

  it('history, undo', async () => {
    await server().createReplicaSet('web', 1, 'registry.example/web:1')
    await server().createReplicaSet('web', 2, 'registry.example/web:2')
    expect(await output('rollout history deploy/web')).toBe(
      'deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n',
    )
    const revision = await output('rollout history deploy/web --revision=1')
    expect(revision).toMatch(
      /^deployment\.apps\/web with revision #1\nPod Template:\n {2}Labels:\tapp=web\n\tpod-template-hash=hash1\n/,
    )
    expect(revision).toContain('    Image:\tregistry.example/web:1\n')
    expect(await failure('rollout history deploy/web --revision=9')).toBe(
      'error: unable to find the specified revision\n',
    )
    await output('annotate deploy/web deployment.kubernetes.io/revision=2')
    expect(await output('rollout undo deploy/web')).toBe('deployment.apps/web rolled back\n')
    expect(await output(`get deploy web -o 'jsonpath={..image}'`)).toBe('registry.example/web:1')
    expect(await output('rollout undo deploy/web --to-revision=2')).toBe('deployment.apps/web rolled back\n')
    expect(await output(`get deploy web -o 'jsonpath={..image}'`)).toBe('registry.example/web:2')
  })

  it('restart, pause, resume', async () => {
    expect(await output('rollout restart deploy/web')).toBe('deployment.apps/web restarted\n')
    expect(await output(`get deploy web -o 'jsonpath={.spec.template.metadata.annotations}'`)).toMatch(
      /^\{"kubectl\.kubernetes\.io\/restartedAt":"[^"]+"\}$/,
    )
    expect(await output('rollout pause deploy/web')).toBe('deployment.apps/web paused\n')
    expect(await failure('rollout pause deploy/web')).toBe('error: deployments.apps "web" is already paused\n')
    expect(await output('rollout resume deploy/web')).toBe('deployment.apps/web resumed\n')
    expect(await failure('rollout resume deploy/web')).toBe('error: deployments.apps "web" is not paused\n')
  })

  it('status waits until all is new', async () => {
    const generation = Number(await output(`get deploy web -o 'jsonpath={.metadata.generation}'`))
    const counts = (count: number) => ({
      observedGeneration: generation,
      replicas: 3,
      updatedReplicas: count,
      readyReplicas: count,
      availableReplicas: count,
    })
    await output(setStatus('deploy web', counts(1)))
    let finished: Promise<string> | undefined
    const { stdout } = await run('rollout status deploy/web --timeout=20s', {
      enough(text) {
        if (text.includes('Waiting')) finished ??= output(setStatus('deploy web', counts(3)))
        return false
      },
    })
    expect(stdout).toBe(
      'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...\ndeployment "web" successfully rolled out\n',
    )
    await finished
    await output(setStatus('deploy web', counts(2)))
    expect(await failure('rollout status deploy/web --timeout=1s')).toBe('error: timed out waiting for the condition\n')
  })
})
