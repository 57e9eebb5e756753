/** Step 2.4: what an object means when it does not say. */
import { describe, expect } from 'vitest'
import { deploymentSpecWithDefaults } from '#apiserver/kinds/deployment.ts'
import {
  containerWithDefaults,
  defaultPullPolicy,
  podSpecWithDefaults,
  probeWithDefaults,
} from '#apiserver/kinds/pod-defaults.ts'
import { serviceSpecWithDefaults } from '#apiserver/kinds/service-defaults.ts'
import type { DeploymentSpec, PodSpec, ServiceSpec } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'

const SOURCE = 'kubernetes pkg/apis/core/v1/defaults.go'
const main = { name: 'main', image: 'web:1' }

describe('when to pull an image', () => {
  lesson(
    'depends on whether its name can come to mean another image',
    {
      scenario: 'Images with a tag, without one, with latest, with a digest, from a registry with a port.',
      rule: 'Always for :latest and for no tag, else IfNotPresent. The colon of a port is not the colon of a tag.',
      source: `${SOURCE} (SetDefaults_Container)`,
    },
    () => {
      const policies = Object.fromEntries(
        [
          'web:1',
          'web',
          'web:latest',
          'registry:5000/web',
          'registry:5000/web:2',
          'web@sha256:0123',
          'registry:5000/team/web:latest',
        ].map((image) => [image, defaultPullPolicy(image)]),
      )
      expect(policies).toEqual({
        'web:1': 'IfNotPresent',
        web: 'Always',
        'web:latest': 'Always',
        'registry:5000/web': 'Always',
        'registry:5000/web:2': 'IfNotPresent',
        'web@sha256:0123': 'IfNotPresent',
        'registry:5000/team/web:latest': 'Always',
      })
    },
  )
})

describe('a probe', () => {
  lesson(
    'asks every ten seconds, and needs three failures to give up',
    {
      scenario: 'A probe with nothing but a command; one that says how often; one that asks by HTTP.',
      rule: 'timeout 1 s, period 10 s, 1 success, 3 failures; HTTP asks for / by HTTP. What is given stays.',
      source: `${SOURCE} (SetDefaults_Probe, SetDefaults_HTTPGetAction)`,
    },
    () => {
      const usual = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }
      expect(probeWithDefaults({ exec: { command: ['true'] } })).toEqual({ ...usual, exec: { command: ['true'] } })
      expect(probeWithDefaults({ periodSeconds: 3, initialDelaySeconds: 5 })).toEqual({
        ...usual,
        periodSeconds: 3,
        initialDelaySeconds: 5,
      })
      expect(probeWithDefaults({ httpGet: { port: 80 } }).httpGet).toEqual({ port: 80, path: '/', scheme: 'HTTP' })
      expect(probeWithDefaults({ httpGet: { port: 443, scheme: 'HTTPS', path: '/ok' } }).httpGet).toEqual({
        port: 443,
        scheme: 'HTTPS',
        path: '/ok',
      })
    },
  )
})

describe('a container', () => {
  lesson(
    'says how it ends, where it is from and what it needs, even if that is nothing',
    {
      scenario: 'A container with a name and an image.',
      rule: 'Readers find imagePullPolicy, the termination message’s path and policy, and resources always there.',
      source: `${SOURCE} (SetDefaults_Container)`,
    },
    () => {
      expect(containerWithDefaults(main)).toEqual({
        name: 'main',
        image: 'web:1',
        imagePullPolicy: 'IfNotPresent',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        resources: {},
      })
      expect(containerWithDefaults({ ...main, imagePullPolicy: 'Never' }).imagePullPolicy).toBe('Never')
    },
  )

  lesson(
    'defaults its ports, env vars and probes one by one',
    {
      scenario: 'A TCP port that does not say so and a UDP port, an env var from a field, three probes.',
      rule: 'Every item of a list is defaulted on its own.',
      source: `${SOURCE} (SetDefaults_ContainerPort, SetDefaults_ObjectFieldSelector, SetDefaults_Probe)`,
    },
    () => {
      const probe = { exec: { command: ['true'] } }
      const container = containerWithDefaults({
        ...main,
        ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }],
        env: [
          { name: 'A', value: 'b' },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        livenessProbe: probe,
        readinessProbe: probe,
        startupProbe: probe,
      })
      expect(container.ports).toEqual([
        { containerPort: 80, protocol: 'TCP' },
        { containerPort: 53, protocol: 'UDP' },
      ])
      expect(container.env?.[0]).toEqual({ name: 'A', value: 'b' })
      expect(container.env?.[1]?.valueFrom).toEqual({ fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } })
      for (const one of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
        expect(one?.periodSeconds).toBe(10)
      }
    },
  )

  lesson(
    'writes quantities in their canonical form',
    {
      scenario: 'cpu 1000m and 0.5, memory 1024Mi; and a text that is no quantity.',
      rule: 'One amount has one spelling, so that equal objects look equal. What is no quantity is validation’s to refuse.',
      source: 'apimachinery pkg/api/resource/quantity.go',
    },
    () => {
      const { resources } = containerWithDefaults({
        ...main,
        resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: '0.5', memory: 'lots' } },
      })
      expect(resources).toEqual({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: 'lots' } })
    },
  )
})

describe('a pod’s spec', () => {
  lesson(
    'is complete after defaulting',
    {
      scenario: 'A pod with one container and an empty volume.',
      rule: 'restart Always, DNS of the cluster, 30 s to end, the default scheduler, an empty security context.',
      source: `${SOURCE} (SetDefaults_PodSpec)`,
    },
    () => {
      const spec = podSpecWithDefaults({ containers: [main], volumes: [{ name: 'scratch' }] })
      expect(spec).toMatchObject({
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        terminationGracePeriodSeconds: 30,
        schedulerName: 'default-scheduler',
        securityContext: {},
        containers: [{ name: 'main', imagePullPolicy: 'IfNotPresent' }],
        volumes: [{ name: 'scratch', emptyDir: {} }],
      })
      expect(spec).not.toHaveProperty('serviceAccountName')
      expect(spec).not.toHaveProperty('initContainers')
    },
  )

  lesson(
    'keeps what the user said, even when that is zero or nothing',
    {
      scenario: 'A pod that must end at once (0 s), never restarts, and has its own scheduler.',
      rule: 'A default fills only what is absent. 0 and false are answers.',
      source: SOURCE,
    },
    () => {
      const sent: PodSpec = {
        containers: [main],
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        schedulerName: 'mine',
      }
      expect(podSpecWithDefaults(sent)).toMatchObject({
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        schedulerName: 'mine',
      })
    },
  )

  lesson(
    'defaults init and ephemeral containers as well',
    {
      scenario: 'A pod with a container of each sort.',
      rule: 'All containers of a pod have the same defaults.',
      source: `${SOURCE} (SetDefaults_Container applies to every container)`,
    },
    () => {
      const spec = podSpecWithDefaults({
        containers: [main],
        initContainers: [{ name: 'init', image: 'init' }],
        ephemeralContainers: [{ name: 'debug', image: 'debug' }],
      })
      expect(spec.initContainers?.[0]).toMatchObject({ imagePullPolicy: 'Always', resources: {} })
      expect(spec.ephemeralContainers?.[0]).toMatchObject({ imagePullPolicy: 'Always' })
    },
  )

  lesson(
    'on the host’s network uses the host’s ports',
    {
      scenario: 'A pod with hostNetwork and a container port 80; and one with port 80 on its own network.',
      rule: 'Without a network of its own, a container’s port is the host’s port. The scheduler must know.',
      source: `${SOURCE} (defaultHostNetworkPorts)`,
    },
    () => {
      const containers = [{ ...main, ports: [{ containerPort: 80 }] }]
      expect(podSpecWithDefaults({ hostNetwork: true, containers }).containers[0]?.ports).toEqual([
        { containerPort: 80, hostPort: 80, protocol: 'TCP' },
      ])
      expect(podSpecWithDefaults({ containers }).containers[0]?.ports?.[0]).not.toHaveProperty('hostPort')
    },
  )

  lesson(
    'names its account twice',
    {
      scenario: 'A pod with serviceAccountName robot; one with the older serviceAccount.',
      rule: 'Old readers look at serviceAccount, new ones at serviceAccountName: both say the same.',
      source: 'kubernetes pkg/apis/core/v1/conversion.go (Convert_core_PodSpec_To_v1_PodSpec)',
    },
    () => {
      const both = { serviceAccountName: 'robot', serviceAccount: 'robot' }
      expect(podSpecWithDefaults({ containers: [main], serviceAccountName: 'robot' })).toMatchObject(both)
      expect(podSpecWithDefaults({ containers: [main], serviceAccount: 'robot' })).toMatchObject(both)
    },
  )

  lesson(
    'is not changed by defaulting it again, nor is what was sent',
    {
      scenario: 'A spec with a bit of everything is defaulted, and defaulted again.',
      rule: 'Defaulting twice is defaulting once: every update defaults what is already defaulted.',
      source: 'kubernetes pkg/apis/core/v1/defaults_test.go (TestWorkloadDefaults)',
    },
    () => {
      const sent: PodSpec = {
        hostNetwork: true,
        serviceAccount: 'robot',
        containers: [{ ...main, ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } }],
        volumes: [{ name: 'a' }, { name: 'b', secret: { secretName: 's' } }],
      }
      const copy = structuredClone(sent)
      const once = podSpecWithDefaults(sent)
      expect(podSpecWithDefaults(once)).toEqual(once)
      expect(sent).toEqual(copy)
    },
  )
})

describe('a Deployment’s spec', () => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [main] } }
  const selector = { matchLabels: { app: 'web' } }

  lesson(
    'rolls by quarters and remembers ten revisions',
    {
      scenario: 'A Deployment with a selector and a template.',
      rule: '1 replica, RollingUpdate with 25% above and below, history 10, 600 s to make progress; the template is defaulted.',
      source: 'kubernetes pkg/apis/apps/v1/defaults.go (SetDefaults_Deployment)',
    },
    () => {
      expect(deploymentSpecWithDefaults({ selector, template })).toMatchObject({
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { restartPolicy: 'Always' } },
      })
    },
  )

  lesson(
    'fills in half of a strategy, and none of another',
    {
      scenario:
        'A rolling update with only maxSurge: 0; a Deployment that recreates; one with 0 replicas and no history.',
      rule: 'Each number has its own default. Recreate has no numbers. 0 is an answer.',
      source: 'kubernetes pkg/apis/apps/v1/defaults.go (SetDefaults_Deployment)',
    },
    () => {
      const half: DeploymentSpec = { selector, template, strategy: { rollingUpdate: { maxSurge: 0 } } }
      expect(deploymentSpecWithDefaults(half).strategy).toEqual({
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: 0, maxUnavailable: '25%' },
      })
      const recreate: DeploymentSpec = { selector, template, strategy: { type: 'Recreate' } }
      expect(deploymentSpecWithDefaults(recreate).strategy).toEqual({ type: 'Recreate' })
      const idle = deploymentSpecWithDefaults({ selector, template, replicas: 0, revisionHistoryLimit: 0 })
      expect(idle).toMatchObject({ replicas: 0, revisionHistoryLimit: 0 })
    },
  )
})

describe('a Service’s spec', () => {
  lesson(
    'is a cluster IP for TCP, to the same port',
    {
      scenario: 'A Service with one port 80, and one with a named target port and UDP.',
      rule: 'Type ClusterIP, no affinity; protocol TCP, targetPort as port; one IPv4 address; internal traffic to everywhere.',
      source: `${SOURCE} (SetDefaults_Service)`,
    },
    () => {
      expect(serviceSpecWithDefaults({ ports: [{ port: 80 }] })).toEqual({
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      })
      const dns = serviceSpecWithDefaults({ ports: [{ port: 53, protocol: 'UDP', targetPort: 'dns' }] })
      expect(dns.ports).toEqual([{ port: 53, protocol: 'UDP', targetPort: 'dns' }])
    },
  )

  lesson(
    'has an external policy if it can be reached from outside',
    {
      scenario: 'A NodePort, a LoadBalancer, and a NodePort whose traffic stays local.',
      rule: 'externalTrafficPolicy Cluster for both types; node ports are allocated for a LoadBalancer unless it refuses.',
      source: `${SOURCE} (SetDefaults_Service)`,
    },
    () => {
      const ports = [{ port: 80 }]
      expect(serviceSpecWithDefaults({ type: 'NodePort', ports })).toMatchObject({ externalTrafficPolicy: 'Cluster' })
      expect(serviceSpecWithDefaults({ type: 'NodePort', ports })).not.toHaveProperty('allocateLoadBalancerNodePorts')
      expect(serviceSpecWithDefaults({ type: 'LoadBalancer', ports })).toMatchObject({
        externalTrafficPolicy: 'Cluster',
        allocateLoadBalancerNodePorts: true,
      })
      const local: ServiceSpec = { type: 'NodePort', ports, externalTrafficPolicy: 'Local' }
      expect(serviceSpecWithDefaults(local).externalTrafficPolicy).toBe('Local')
      expect(serviceSpecWithDefaults({ ports })).not.toHaveProperty('externalTrafficPolicy')
    },
  )

  lesson(
    'of an external name is only a name',
    {
      scenario: 'type: ExternalName, externalName: example.com.',
      rule: 'There is no traffic to direct: no policies, no address families.',
      source: `${SOURCE} (SetDefaults_Service)`,
    },
    () => {
      expect(serviceSpecWithDefaults({ type: 'ExternalName', externalName: 'example.com' })).toEqual({
        type: 'ExternalName',
        externalName: 'example.com',
        sessionAffinity: 'None',
      })
    },
  )

  lesson(
    'that sticks to clients does so for three hours',
    {
      scenario: 'sessionAffinity: ClientIP without and with a time-out; and no affinity.',
      rule: 'timeoutSeconds is 10,800 unless given; without affinity there is no configuration of it.',
      source: `${SOURCE} (SetDefaults_Service)`,
    },
    () => {
      const timeout = (spec: ServiceSpec) => serviceSpecWithDefaults(spec).sessionAffinityConfig
      expect(timeout({ sessionAffinity: 'ClientIP' })).toEqual({ clientIP: { timeoutSeconds: 10_800 } })
      expect(
        timeout({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }),
      ).toEqual({ clientIP: { timeoutSeconds: 60 } })
      expect(timeout({})).toBeUndefined()
    },
  )
})
