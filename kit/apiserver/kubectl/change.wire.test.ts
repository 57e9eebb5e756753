/** Changing what is there: apply, edit, replace, patch, set, label, with the real kubectl against our API server. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, pod, service } from '../testing/manifests.ts'

const configMap = (name: string, data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`

describeKubectl('apply, edit, replace, patch, set, label', ({ output, failure, run, server }) => {
  const file = (path: string, content: string) => writeFileSync(join(server().kubectl.directory, path), content)
  const both = (greeting: string) => `${deployment('web', greeting)}---${service('web')}`

  it('apply: creates, leaves alone, changes', async () => {
    const apply = (greeting: string, more = '') => output(`apply -f - ${more}`, { stdin: both(greeting) })
    expect(await apply('hello', '--dry-run=server')).toBe(
      'deployment.apps/web created (server dry run)\nservice/web created (server dry run)\n',
    )
    expect(await apply('hello')).toBe('deployment.apps/web created\nservice/web created\n')
    expect(await apply('hello')).toBe('deployment.apps/web unchanged\nservice/web unchanged\n')
    expect(await apply('hi')).toBe('deployment.apps/web configured\nservice/web unchanged\n')
    const greeting = '{.spec.template.spec.containers[0].env[0].value} {.metadata.generation}'
    expect(await output(`get deploy web -o 'jsonpath=${greeting}'`)).toBe('hi 2')
    expect(await output('apply view-last-applied deploy/web')).toContain('value: hi')
  })

  it('diff: says what would change, and nothing when nothing would', async () => {
    expect(await run('diff -f -', { stdin: both('hi') })).toEqual({ code: 0, stdout: '', stderr: '' })
    const { code, stdout } = await run('diff -f -', { stdin: both('hey') })
    expect(code).toBe(1)
    expect(stdout.split('\n').filter((line) => /^[-+] /.test(line))).toEqual([
      '-  generation: 2',
      '+  generation: 3',
      '-          value: hi',
      '+          value: hey',
    ])
  })

  it('apply: takes away what was applied before and is not there any more', async () => {
    await output('apply -f -', { stdin: configMap('cm', '{a: "1", b: "2"}') })
    await output(`patch cm cm --type=merge -p '{"data":{"c":"3"}}'`)
    await output('apply -f -', { stdin: configMap('cm', '{a: "1"}') })
    expect(await output(`get cm cm -o 'jsonpath={.data}'`)).toBe('{"a":"1","c":"3"}')
  })

  it('apply -k: what a kustomization makes', async () => {
    mkdirSync(join(server().kubectl.directory, 'base'))
    file('base/cm.yaml', configMap('made', '{a: b}'))
    file('base/kustomization.yaml', 'resources: [cm.yaml]\nnamePrefix: x-\nlabels: [{pairs: {team: blue}}]\n')
    expect(await output('kustomize base')).toContain('name: x-made')
    expect(await output('apply -k base')).toBe('configmap/x-made created\n')
    expect(await output('get cm -l team=blue -o name')).toBe('configmap/x-made\n')
    expect(await output('delete -k base')).toBe('configmap "x-made" deleted\n')
  })

  it('apply --prune: deletes what the files no longer have', async () => {
    const labelled = (name: string) => configMap(name, '{a: b}').replace('{name:', '{labels: {set: p}, name:')
    await output('apply -f -', { stdin: `${labelled('p1')}---\n${labelled('p2')}` })
    const pruned = await output('apply -f - --prune -l set=p --prune-allowlist=core/v1/ConfigMap', {
      stdin: labelled('p1'),
    })
    expect(pruned).toBe('configmap/p1 unchanged\nconfigmap/p2 pruned\n')
  })

  it('edit: sends what the editor left', async () => {
    const editor = join(server().kubectl.directory, 'editor.sh')
    const edit = (script: string) => {
      writeFileSync(editor, `#!/bin/sh\n${script}\n`)
      chmodSync(editor, 0o755)
      return run('edit cm cm', { environment: { EDITOR: editor } })
    }
    expect(await edit('true')).toEqual({ code: 0, stdout: '', stderr: 'Edit cancelled, no changes made.\n' })
    expect((await edit(`sed -i 's/a: "1"/a: "9"/' "$1"`)).stdout).toBe('configmap/cm edited\n')
    expect(await output(`get cm cm -o 'jsonpath={.data.a}'`)).toBe('9')
  })

  it('replace: needs the newest version if it names one; --force deletes first', async () => {
    const current = await output('get cm cm -o yaml')
    expect(await output('replace -f -', { stdin: current.replace('a: "9"', 'a: z') })).toBe('configmap/cm replaced\n')
    expect(await failure('replace -f -', { stdin: current })).toBe(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "cm": the object has been modified; please apply your changes to the latest version and try again\n',
    )
    expect(await output('replace -f -', { stdin: service('web').replace('port: 80', 'port: 81') })).toBe(
      'service/web replaced\n',
    )
    expect(await failure('replace -f -', { stdin: configMap('nope', '{}') })).toBe(
      'Error from server (NotFound): error when replacing "STDIN": configmaps "nope" not found\n',
    )
    const uid = () => output(`get cm cm -o 'jsonpath={.metadata.uid}'`)
    const before = await uid()
    expect(await output('replace --force -f -', { stdin: configMap('cm', '{a: f}') })).toBe(
      'configmap "cm" deleted\nconfigmap/cm replaced\n',
    )
    expect(await uid()).not.toBe(before)
  })

  it('patch: of three types, and of the status', async () => {
    const patch = (type: string, text: string, more = '') => `patch deploy web --type=${type} -p '${text}' ${more}`
    expect(await output(patch('json', '[{"op":"replace","path":"/spec/replicas","value":2}]'))).toBe(
      'deployment.apps/web patched\n',
    )
    expect(await output(patch('merge', '{"metadata":{"labels":{"m":"1"}}}'))).toBe('deployment.apps/web patched\n')
    expect(await output(patch('merge', '{"metadata":{"labels":{"m":"1"}}}'))).toBe(
      'deployment.apps/web patched (no change)\n',
    )
    const sidecar = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s:1"}]}}}}'
    expect(await output(patch('strategic', sidecar))).toBe('deployment.apps/web patched\n')
    expect(await output(`get deploy web -o 'jsonpath={.spec.template.spec.containers[*].name}'`)).toBe('side web')
    expect(await output(patch('merge', '{"status":{"observedGeneration":1}}', '--subresource=status'))).toBe(
      'deployment.apps/web patched\n',
    )
    expect(await failure(patch('json', '[{"op":"test","path":"/spec/replicas","value":99}]'))).toBe(
      'The request is invalid: the server rejected our request due to an error in our request\n',
    )
    expect(await failure(patch('merge', '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}'))).toBe(
      'The Deployment "web" is invalid: \n* spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match template `labels`\n* spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"app":"other"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable\n',
    )
    expect(await failure(`patch svc web --type=merge -p '{"spec":{"clusterIP":"10.96.9.9"}}'`)).toBe(
      'The Service "web" is invalid: spec.clusterIPs[0]: Invalid value: []string{"10.96.9.9"}: may not change once set\n',
    )
  })

  it('label and annotate', async () => {
    expect(await output('label deploy/web x=y')).toBe('deployment.apps/web labeled\n')
    expect(await output('label deploy/web x=y')).toBe('deployment.apps/web not labeled\n')
    expect(await failure('label deploy/web x=z')).toBe(`error: 'x' already has a value (y), and --overwrite is false\n`)
    expect(await output('label deploy,svc web x=z --overwrite')).toBe(
      'deployment.apps/web labeled\nservice/web labeled\n',
    )
    expect((await output('label deploy/web --list')).trim().split('\n').sort()).toEqual(['app=web', 'm=1', 'x=z'])
    expect(await output('label deploy/web x-')).toBe('deployment.apps/web unlabeled\n')
    expect(await output('annotate deploy/web a=b')).toBe('deployment.apps/web annotated\n')
    expect(await output('annotate deploy/web a-')).toBe('deployment.apps/web annotated\n')
    expect(await failure('label pod nope a=b')).toBe('Error from server (NotFound): pods "nope" not found\n')
  })

  it('set', async () => {
    expect(await output('set image deploy/web web=registry.example/web:2')).toBe('deployment.apps/web image updated\n')
    expect(await output('set env deploy/web A=b')).toBe('deployment.apps/web env updated\n')
    expect(await output('set env deploy/web --list')).toContain('A=b')
    expect(await output('set env deploy/web --from=configmap/cm')).toBe('deployment.apps/web env updated\n')
    expect(await output('set resources deploy/web --limits=cpu=200m')).toBe(
      'deployment.apps/web resource requirements updated\n',
    )
    expect(await output('set selector svc/web app=web')).toBe('service/web selector updated\n')
    expect(await output('set serviceaccount deploy/web default')).toBe('deployment.apps/web serviceaccount updated\n')
    await output('create role r --verb=get --resource=pods')
    await output('create rolebinding rb --role=r --user=u')
    expect(await output('set subject rolebinding rb --user=v')).toBe(
      'rolebinding.rbac.authorization.k8s.io/rb subjects updated\n',
    )
    const container = '{.spec.template.spec.containers[?(@.name=="web")]'
    expect(await output(`get deploy web -o 'jsonpath=${container}.image} ${container}.resources.limits.cpu}'`)).toBe(
      'registry.example/web:2 200m',
    )
  })

  it('what a pod may not change', async () => {
    await output('create -f -', { stdin: pod('web-1') })
    expect(await failure(`patch pod web-1 -p '{"spec":{"containers":[{"name":"main","command":["x"]}]}}'`)).toMatch(
      /^The Pod "web-1" is invalid: spec: Forbidden: pod updates may not change fields other than /,
    )
  })
})
