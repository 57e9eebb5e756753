/** Everything that `kubectl create`, `run` and `expose` can make, and what they say when it cannot be. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, pod } from '../testing/manifests.ts'

describeKubectl('create', ({ output, failure, run, server }) => {
  it('takes each kind that has a command of its own, which comes as protobuf', async () => {
    const created: Readonly<Record<string, string>> = {
      'namespace n1': 'namespace/n1',
      'configmap cm1 --from-literal=a=b --from-literal=c=d': 'configmap/cm1',
      'secret generic s1 --from-literal=p=q': 'secret/s1',
      'secret docker-registry s2 --docker-username=u --docker-password=p': 'secret/s2',
      'serviceaccount sa1': 'serviceaccount/sa1',
      'service clusterip c1 --tcp=80:8080': 'service/c1',
      'service nodeport c2 --tcp=80:8080 --node-port=30123': 'service/c2',
      'service loadbalancer c3 --tcp=80': 'service/c3',
      'service externalname c4 --external-name=example.com': 'service/c4',
      'deployment d1 --image=i:1 --replicas=2 --port=80 -- cmd arg': 'deployment.apps/d1',
      'job j1 --image=i:1 -- a b': 'job.batch/j1',
      'cronjob cj1 --image=i:1 "--schedule=*/5 * * * *" -- a': 'cronjob.batch/cj1',
      'job jfc --from=cronjob/cj1': 'job.batch/jfc',
      'role r1 --verb=get,list --resource=pods,pods/log': 'role.rbac.authorization.k8s.io/r1',
      'clusterrole cr1 --verb=* --resource=deployments.apps': 'clusterrole.rbac.authorization.k8s.io/cr1',
      'clusterrole cr2 --verb=get --non-resource-url=/logs/*': 'clusterrole.rbac.authorization.k8s.io/cr2',
      'rolebinding rb1 --role=r1 --user=u --group=g --serviceaccount=default:sa1':
        'rolebinding.rbac.authorization.k8s.io/rb1',
      'clusterrolebinding crb1 --clusterrole=cr1 --user=u': 'clusterrolebinding.rbac.authorization.k8s.io/crb1',
      'ingress i1 "--rule=foo.com/bar*=web:80,tls=t1"': 'ingress.networking.k8s.io/i1',
      'pdb pdb1 --selector=app=web --min-available=1': 'poddisruptionbudget.policy/pdb1',
      'priorityclass pc1 --value=1000 --description=x': 'priorityclass.scheduling.k8s.io/pc1',
      'quota q1 -n n1 --hard=pods=10,cpu=4': 'resourcequota/q1',
    }
    for (const [command, name] of Object.entries(created)) {
      expect(await output(`create ${command}`)).toBe(`${name} created\n`)
    }
    expect(await output(`get cm cm1 -o 'jsonpath={.data}'`)).toBe('{"a":"b","c":"d"}')
    expect(await output('get svc c2 c3 c4 --no-headers')).toMatch(
      /^c2 +NodePort +10\.96\.\S+ +<none> +80:30123\/TCP +\d+s\nc3 +LoadBalancer +10\.96\.\S+ +<pending> +80:3\d{4}\/TCP +\d+s\nc4 +ExternalName +<none> +example\.com +<none> +\d+s\n$/,
    )
    expect(await output('get secret s2 --no-headers')).toMatch(/^s2 +kubernetes\.io\/dockerconfigjson +1 +\d+s\n$/)
    expect(
      await output(
        `get job jfc -o 'jsonpath={.metadata.ownerReferences[0].name} {.spec.template.spec.containers[0].command}'`,
      ),
    ).toBe('cj1 ["a"]')
  })

  it('takes a certificate and its key as a secret', async () => {
    const { cert, key } = await server().authority.issue({ commonName: 'web', usages: ['server'] })
    writeFileSync(join(server().kubectl.directory, 'web.crt'), cert)
    writeFileSync(join(server().kubectl.directory, 'web.key'), key)
    expect(await output('create secret tls s3 --cert=web.crt --key=web.key')).toBe('secret/s3 created\n')
    expect(await output('get secret s3 --no-headers')).toMatch(/^s3 +kubernetes\.io\/tls +2 +\d+s\n$/)
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(server().kubectl.directory, 'other.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect(await failure('create secret tls s4 --cert=web.crt --key=other.key')).toContain(
      'private key type does not match',
    )
  })

  it('runs a pod, exposes a deployment, autoscales it', async () => {
    expect(await output('run one --image=img:1 --labels=a=b -- sleep 10')).toBe('pod/one created\n')
    expect(await output('run two --image=img:1 --env=A=b --port=80 --expose')).toBe(
      'service/two created\npod/two created\n',
    )
    expect(await output('expose deploy/d1 --name=web2 --port=80 --target-port=8080 --type=NodePort')).toBe(
      'service/web2 exposed\n',
    )
    expect(await output('get svc web2 --no-headers')).toMatch(
      /^web2 +NodePort +10\.96\.\S+ +<none> +80:3\d{4}\/TCP +\d+s\n$/,
    )
    expect(await output('autoscale deploy/d1 --min=1 --max=5 --cpu-percent=70')).toBe(
      'horizontalpodautoscaler.autoscaling/d1 autoscaled\n',
    )
    expect(await output('get hpa d1 --no-headers')).toMatch(
      /^d1 +Deployment\/d1 +cpu: <unknown>\/70% +1 +5 +0 +\d+s\n$/,
    )
  })

  it('tries things out without doing them', async () => {
    expect(await output('create deployment dry --image=i --dry-run=server -o name')).toBe('deployment.apps/dry\n')
    expect(await output('create deployment dry --image=i --dry-run=client')).toBe(
      'deployment.apps/dry created (dry run)\n',
    )
    const text = await output('create deployment dry --image=i --dry-run=server -o yaml')
    expect(text).toMatch(/ {8}imagePullPolicy: Always\n {8}name: i\n {8}resources: \{\}\n/)
    expect(text).toMatch(/\nstatus: \{\}\n$/)
    expect(await failure('get deploy dry')).toContain('not found')
  })

  it('says in upstream’s words what it does not take', async () => {
    const create = (stdin: string, more = '') => failure(`create -f - ${more}`, { stdin })
    await output('create -f -', { stdin: pod('web-1') })
    expect(await create(pod('web-1'))).toBe(
      'Error from server (AlreadyExists): error when creating "STDIN": pods "web-1" already exists\n',
    )
    expect(await create(`${pod('bad')}  nosuch: 1\n`)).toBe(
      'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.nosuch"\n',
    )
    expect(await create('apiVersion: v1\nkind: Pod\nmetadata: {name: BAD_NAME}\nspec: {containers: []}\n')).toBe(
      `The Pod "BAD_NAME" is invalid: \n* metadata.name: Invalid value: "BAD_NAME": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n* spec.containers: Required value\n`,
    )
    expect(await create('apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n')).toBe(
      'The Service "bad" is invalid: \n* spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive\n* spec.ports[0].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive\n',
    )
    expect(await create(deployment('bad').replace('matchLabels: {app: bad}', 'matchLabels: {app: other}'))).toBe(
      'The Deployment "bad" is invalid: spec.template.metadata.labels: Invalid value: map[string]string{"app":"bad"}: `selector` does not match template `labels`\n',
    )
    expect(await create(pod('x').replace('metadata:', 'metadata:\n  namespace: nope'))).toBe(
      'Error from server (NotFound): error when creating "STDIN": namespaces "nope" not found\n',
    )
    expect(await create('apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: x}\n')).toBe(
      'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Deployment" in version "apps/v2"\nensure CRDs are installed first\n',
    )
    const requests = 'resources: {requests: {cpu: 2}, limits: {cpu: 1}}, ports: [{containerPort: 0}]'
    expect(
      await create(
        `apiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {containers: [{name: c, image: i, ${requests}}]}\n`,
      ),
    ).toBe(
      'The Pod "q" is invalid: \n* spec.containers[0].ports[0].containerPort: Required value\n* spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1\n',
    )
    const job =
      'apiVersion: batch/v1\nkind: Job\nmetadata: {name: bad}\nspec: {template: {spec: {containers: [{name: c, image: i}], restartPolicy: Always}}}\n'
    expect(await create(job)).toBe(
      'The Job "bad" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"\n',
    )
  })

  it('warns instead when it is asked to', async () => {
    expect(await run('create -f - --validate=warn', { stdin: `${pod('lenient')}  nosuch: 1\n` })).toEqual({
      code: 0,
      stdout: 'pod/lenient created\n',
      stderr: 'Warning: unknown field "spec.nosuch"\n',
    })
    expect(await run('create -f - --validate=ignore', { stdin: `${pod('careless')}  nosuch: 1\n` })).toEqual({
      code: 0,
      stdout: 'pod/careless created\n',
      stderr: '',
    })
  })

  it('makes tokens', async () => {
    expect(await output('create token sa1 --duration=1h')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(await output('create token sa1 --audience=vault')).toMatch(/^ey/)
    expect(await failure('create token nope')).toBe('error: failed to create token: serviceaccounts "nope" not found\n')
  })
})
