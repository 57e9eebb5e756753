/** `kubectl get` in all its forms: tables, objects, templates, selections, chunks, watches. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, pod, runningStatus, service, setStatus } from '../testing/manifests.ts'

const RUNNING = '1/1 +Running +2 \\(\\d+d ago\\) +\\d+s'

describeKubectl('get', ({ output, failure, run, server }) => {
  it('says when there is nothing', async () => {
    expect(await output('get ns')).toMatch(/^NAME +STATUS +AGE\ndefault +Active +\d+s\n/)
    expect((await run('get pods')).stderr).toBe('No resources found in default namespace.\n')
    expect((await run('get pods -A')).stderr).toBe('No resources found\n')
    expect(await failure('get pods nope')).toBe('Error from server (NotFound): pods "nope" not found\n')
    expect(await run('get pods nope --ignore-not-found')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await failure('get nosuchthing')).toBe(`error: the server doesn't have a resource type "nosuchthing"\n`)
  })

  it('prints tables: plain, wide, with labels, with kinds, without headers', async () => {
    await output('create -f -', {
      stdin: [pod('web-1'), pod('web-2', 'other'), deployment('web'), service('web')].join('---'),
    })
    await output(setStatus('pod web-1', runningStatus))
    expect(await output('get pods -l app=web')).toMatch(
      new RegExp(`^NAME +READY +STATUS +RESTARTS +AGE\\nweb-1 +${RUNNING}\\n$`),
    )
    expect(await output('get pod web-1 -o wide')).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nweb-1 .* 10\.244\.1\.2 +node-1 +<none> +<none>\n$/,
    )
    expect(await output('get pod web-1 --show-labels --no-headers')).toMatch(
      new RegExp(`^web-1 +${RUNNING} +app=web\\n$`),
    )
    expect(await output('get pods -L app --no-headers')).toMatch(/^web-1 .* web\nweb-2 .* other\n$/)
    expect(await output('get pods --show-kind --no-headers')).toMatch(/^pod\/web-1 .*\npod\/web-2 .*\n$/)
    expect(await output('get deploy,svc web')).toMatch(
      /deployment\.apps\/web +0\/3 +0 +0 +\d+s\n\nNAME .*\nservice\/web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP +\d+s\n$/,
    )
    expect(await output('get deploy/web svc/web -o wide')).toMatch(
      /CONTAINERS +IMAGES +SELECTOR\ndeployment\.apps\/web +0\/3 .* web +registry\.example\/web:1 +app=web\n\n.* SELECTOR\nservice\/web .* app=web\n$/s,
    )
    expect(await output('get all -A')).toMatch(/^NAMESPACE +NAME .*\ndefault +pod\/web-1 /)
  })

  it('prints objects: names, JSON, YAML', async () => {
    expect(await output('get pods,deploy -o name')).toBe('pod/web-1\npod/web-2\ndeployment.apps/web\n')
    expect(await output('get deploy web -o yaml')).toMatch(
      /^apiVersion: apps\/v1\nkind: Deployment\nmetadata:\n {2}creationTimestamp: "[^"]+Z"\n {2}generation: 1\n {2}labels:\n {4}app: web\n {2}name: web\n {2}namespace: default\n {2}resourceVersion: "\d+"\n {2}uid: [0-9a-f-]{36}\nspec:\n {2}progressDeadlineSeconds: 600\n {2}replicas: 3\n {2}revisionHistoryLimit: 10\n {2}selector:\n {4}matchLabels:\n {6}app: web\n {2}strategy:\n {4}rollingUpdate:\n {6}maxSurge: 25%\n {6}maxUnavailable: 25%\n {4}type: RollingUpdate\n {2}template:\n {4}metadata:\n {6}creationTimestamp: null\n {6}labels:\n {8}app: web\n/,
    )
    expect(JSON.parse(await output('get svc web -o json'))).toMatchObject({
      spec: {
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 'http' }],
        sessionAffinity: 'None',
        type: 'ClusterIP',
      },
      status: { loadBalancer: {} },
    })
    const list = JSON.parse(await output('get pods -o json'))
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' } })
    expect(list.items).toHaveLength(2)
  })

  it('prints what a template picks', async () => {
    expect(await output(`get pods -o 'jsonpath={.items[*].metadata.name}'`)).toBe('web-1 web-2')
    expect(
      await output(`get pods -o 'jsonpath={range .items[?(@.status.phase=="Running")]}{.status.podIP}{end}'`),
    ).toBe('10.244.1.2')
    expect(await output(`get pods -o 'go-template={{range .items}}{{.metadata.name}};{{end}}'`)).toBe('web-1;web-2;')
    expect(await output('get pods -o custom-columns=N:.metadata.name,S:.status.phase')).toMatch(
      /^N +S\nweb-1 +Running\nweb-2 +Pending\n$/,
    )
    writeFileSync(join(server().kubectl.directory, 'columns'), 'NAME APP\n.metadata.name .metadata.labels.app\n')
    expect(await output('get pods -o custom-columns-file=columns')).toMatch(/^NAME +APP\nweb-1 +web\nweb-2 +other\n$/)
    writeFileSync(join(server().kubectl.directory, 'names'), '{.items[*].metadata.name}')
    expect(await output('get pods -o jsonpath-file=names')).toBe('web-1 web-2')
  })

  it('selects and sorts', async () => {
    expect(await output(`get pods -l 'app in (web,x),app!=y' -o name`)).toBe('pod/web-1\n')
    expect(await output(`get pods -l '!app' -o name`)).toBe('')
    expect(await output('get pods --field-selector status.phase=Running -o name')).toBe('pod/web-1\n')
    expect(await output('get pods --field-selector spec.nodeName=node-1,metadata.name!=web-1 -o name')).toBe(
      'pod/web-2\n',
    )
    expect(await failure('get pods --field-selector spec.nosuch=1')).toContain('field label not supported: spec.nosuch')
    const byStatus = await output('get pods --sort-by=.status.phase --no-headers')
    expect(byStatus).toMatch(/^web-2 .*\nweb-1 /)
    expect(await output('get pods --sort-by=.metadata.name -o name')).toBe('pod/web-1\npod/web-2\n')
  })

  it('comes in chunks', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `chunk-${index}`)
    const manifests = names.map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`)
    await output('create -f -', { stdin: manifests.join('---\n') })
    const expected = names.map((name) => `configmap/${name}\n`).join('')
    for (const size of [1, 3, 7, 500]) expect(await output(`get cm --chunk-size=${size} -o name`)).toBe(expected)
  })

  it('watches: everything, only what changes, one object, with the kind of change', async () => {
    const seen: Promise<string>[] = []
    const label = (value: string) => output(`label pod web-1 seen=${value} --overwrite`)
    const rows = (text: string) => text.split('\n').length - 1
    const all = await run('get pods -w -l app=web', {
      enough(text) {
        if (rows(text) === 2 && seen.length === 0) seen.push(label('a'))
        return rows(text) === 3
      },
    })
    expect(all.stdout).toMatch(new RegExp(`^NAME +READY +STATUS +RESTARTS +AGE\\n(web-1 +${RUNNING}\\n){2}$`))

    // It says nothing until something happens, so something has to happen until it says it.
    const changes = run('get pods -l app=web --watch-only --output-watch-events', {
      enough: (text) => text.includes('MODIFIED'),
    })
    let count = 0
    const changing = setInterval(() => seen.push(label(`b${count++}`)), 300)
    expect((await changes).stdout).toMatch(new RegExp(`^EVENT +NAME .*\\nMODIFIED +web-1 +${RUNNING}\\n`))
    clearInterval(changing)
    await Promise.all(seen)

    const json = await run('get cm chunk-0 -w -o json', { enough: (text) => text.endsWith('}\n') })
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'chunk-0' } })
  })

  it('shows events, also by their own command', async () => {
    await server().createEvent('web-1', 'Scheduled', 'Successfully assigned default/web-1 to node-1')
    const line =
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+ +Normal +Scheduled +[Pp]od\/web-1 +Successfully assigned default\/web-1 to node-1\n$/
    for (const command of ['get events', 'events', 'events --for pod/web-1', 'get events.events.k8s.io']) {
      expect(await output(command)).toMatch(line)
    }
    expect((await run('events --types=Warning')).stderr).toBe('No events found in default namespace.\n')
    expect(await output('events -A')).toMatch(/^NAMESPACE +LAST SEEN .*\ndefault +\S+ +Normal +Scheduled +Pod\/web-1 /)
    const watching = await run('events --watch', { enough: (text) => text.includes('Scheduled') })
    expect(watching.stdout).toMatch(line)
  })

  it('shows how the components are, as far as it is known', async () => {
    const { stdout, stderr } = await run('get cs')
    expect(stderr).toBe('Warning: v1 ComponentStatus is deprecated in v1.19+\n')
    expect(stdout).toMatch(
      /^NAME +STATUS +MESSAGE +ERROR\nscheduler +Unknown +nobody has ever taken the lease \S+ *\n.*\netcd-0 +Healthy +ok *\n$/s,
    )
  })

  it('answers raw paths', async () => {
    expect(await output('get --raw /healthz')).toBe('ok')
    expect(await output('get --raw /readyz?verbose')).toMatch(/^\[\+\]ping ok\n(\[\+\]\S+ ok\n)*readyz check passed\n$/)
    expect(JSON.parse(await output('get --raw /api/v1/namespaces/default/pods/web-1'))).toMatchObject({ kind: 'Pod' })
    expect(await failure('get --raw /nosuch')).toBe(
      'Error from server (NotFound): the server could not find the requested resource\n',
    )
  })
})
