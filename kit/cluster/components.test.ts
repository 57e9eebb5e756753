import { describe, expect, it } from 'vitest'
import { clusterDirectory } from './cluster-directory.ts'
import { planComponents } from './components.ts'
import type { ClusterLayout } from './layout.ts'
import { pluginsToDoWithout } from './unwritten-controllers.ts'

const layout: ClusterLayout = {
  network: { subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
  apiServerPort: 6443,
  etcdMembers: [1, 2, 3].map((ordinal) => ({
    name: `etcd-${ordinal}`,
    clientPort: 1000 + ordinal,
    peerPort: 2000 + ordinal,
  })),
  nodes: [1, 2].map((ordinal) => ({
    name: `node-${ordinal}`,
    ip: `10.244.0.1${ordinal}`,
    podCidr: `10.244.${ordinal}.0/24`,
    kubeletPort: 10_249 + ordinal,
  })),
}
const directory = clusterDirectory('demo', '/somewhere')

const flag = (args: readonly string[], name: string) => args[args.indexOf(name) + 1]

describe('the parts list of a cluster', () => {
  it('has every component of the picture, each once', () => {
    const names = planComponents({ directory, layout, runtime: 'docker' }).map(({ name }) => name)
    expect(names).toEqual([
      'etcd-1',
      'etcd-2',
      'etcd-3',
      'kube-apiserver',
      'kube-scheduler',
      'kube-controller-manager',
      'cloud-controller-manager',
      'kubelet-node-1',
      'kube-proxy-node-1',
      'kubelet-node-2',
      'kube-proxy-node-2',
    ])
  })

  it('lets only the API server talk to etcd, and nothing listen beyond loopback and the bridge', () => {
    for (const { program, args } of planComponents({ directory, layout, runtime: 'docker' })) {
      if (program !== 'kube-apiserver') expect(args, program).not.toContain('--etcd-servers')
      expect(args.join(' '), program).not.toContain('0.0.0.0')
    }
  })

  it('gives the API server all members, or the etcd that the user runs', () => {
    const [own] = planComponents({ directory, layout, runtime: 'docker' }).filter(
      ({ program }) => program === 'kube-apiserver',
    )
    expect(flag(own!.args, '--etcd-servers')).toBe(
      'https://127.0.0.1:1001,https://127.0.0.1:1002,https://127.0.0.1:1003',
    )
    const components = planComponents({
      directory,
      layout,
      runtime: 'docker',
      etcdEndpoints: ['http://127.0.0.1:2379'],
    })
    const [foreign] = components
    expect(foreign!.program).toBe('kube-apiserver')
    expect(flag(foreign!.args, '--etcd-servers')).toBe('http://127.0.0.1:2379')
    expect(foreign!.args).not.toContain('--etcd-certfile')
  })

  it('leaves the network alone when pods only pretend', () => {
    const proxies = planComponents({ directory, layout, runtime: 'fake' }).filter(
      ({ program }) => program === 'kube-proxy',
    )
    expect(proxies).toHaveLength(2)
    for (const { args } of proxies) expect(args).not.toContain('--node-container')
  })
})

describe('the name of a cluster', () => {
  it.each(['a', 'demo', 'team-2'])('may be "%s"', (name) => {
    expect(clusterDirectory(name, '/x').kubeconfig).toBe(`/x/.cluster/${name}/kubeconfig`)
  })
  it.each(['', 'Demo', '../up', '-a', 'a'.repeat(21)])(
    'may not be "%s", since it becomes a directory and part of container names',
    (name) => {
      expect(() => clusterDirectory(name, '/x')).toThrow(/cannot name a cluster/)
    },
  )

  it('demands nothing of controllers that are not written yet', () => {
    const stub = 'throw new NotImplemented('
    expect(pluginsToDoWithout('4', () => stub)).toEqual(['ServiceAccount', 'TaintNodesByCondition'])
    expect(pluginsToDoWithout('all', (file) => (file === 'nodes/taints.ts' ? stub : ''))).toEqual([
      'TaintNodesByCondition',
    ])
    expect(pluginsToDoWithout('4', () => '')).toEqual([])
    expect(pluginsToDoWithout('1,2', () => stub)).toEqual([])
    const apiServer = (disabledAdmissionPlugins: readonly string[]) =>
      planComponents({ directory, layout, runtime: 'fake', disabledAdmissionPlugins }).find(
        ({ name }) => name === 'kube-apiserver',
      )!.args
    expect(flag(apiServer(['ServiceAccount', 'Priority']), '--disable-admission-plugins')).toBe(
      'ServiceAccount,Priority',
    )
    expect(apiServer([])).not.toContain('--disable-admission-plugins')
  })
})
