/** What administrators do: cordon, taint, drain, and decide about certificates. */
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { pod } from '../testing/manifests.ts'

describeKubectl('for nodes and certificates', ({ output, failure, run }) => {
  it('cordon, uncordon', async () => {
    expect(await output('cordon node-1')).toBe('node/node-1 cordoned\n')
    expect(await output('cordon node-1')).toBe('node/node-1 already cordoned\n')
    expect(await output('get nodes -o wide')).toMatch(
      /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME\nnode-1 +Ready,SchedulingDisabled +<none> +\d+s +v1\.32\.0 +127\.0\.0\.1 +<none> +Linux +6\.1 +fake:\/\/1\n$/,
    )
    expect(await output('uncordon node-1')).toBe('node/node-1 uncordoned\n')
  })

  it('taint', async () => {
    expect(await output('taint nodes node-1 k=v:NoSchedule')).toBe('node/node-1 tainted\n')
    expect(await failure('taint nodes node-1 k=w:NoSchedule')).toBe(
      'error: node node-1 already has k taint(s) with same effect(s) and --overwrite is false\n',
    )
    expect(await output('taint nodes node-1 k=w:NoSchedule --overwrite')).toBe('node/node-1 modified\n')
    expect(await output('taint nodes node-1 k-')).toBe('node/node-1 untainted\n')
    expect(await failure('taint nodes node-1 k-')).toBe('error: taint "k" not found\n')
  })

  it('drain', async () => {
    await output('create -f -', { stdin: pod('alone') })
    expect(await failure('drain node-1')).toContain(
      'cannot delete Pods that declare no controller (use --force to override): default/alone',
    )
    const draining = run('drain node-1 --force --timeout=20s')
    // No kubelet is here to say that the pod has ended.
    await expect
      .poll(() => output(`get pod alone -o 'jsonpath={.metadata.deletionTimestamp}'`), { timeout: 20_000 })
      .not.toBe('')
    await output('delete pod alone --grace-period=0 --force')
    expect(await draining).toMatchObject({
      code: 0,
      stdout: 'node/node-1 already cordoned\nevicting pod default/alone\npod/alone evicted\nnode/node-1 drained\n',
    })
    await output('uncordon node-1')
  })

  it('certificate approve, deny', async () => {
    const request = (name: string) =>
      `apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: ${name}}\nspec: {request: YQ==, signerName: x.org/s, usages: [client auth]}\n`
    await output('create -f -', { stdin: `${request('granted')}---\n${request('refused')}` })
    expect(await output('get csr --no-headers')).toMatch(
      /^granted +\d+s +x\.org\/s .*<none> +Pending\nrefused .* Pending\n$/,
    )
    expect(await output('certificate approve granted')).toBe(
      'certificatesigningrequest.certificates.k8s.io/granted approved\n',
    )
    expect(await output('certificate deny refused')).toBe(
      'certificatesigningrequest.certificates.k8s.io/refused denied\n',
    )
    expect(await output('get csr --no-headers')).toMatch(/^granted .* Approved\nrefused .* Denied\n$/)
  })
})
