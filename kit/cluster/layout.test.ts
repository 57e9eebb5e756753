import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clusterDirectory, createDirectories } from './cluster-directory.ts'
import { type ClusterLayout, decideLayout } from './layout.ts'

let base: string

beforeEach(() => {
  base = mkdtempSync(`${tmpdir()}/layout-`)
})
afterEach(() => rmSync(base, { recursive: true }))

async function decide(name: string, apiServerPort?: number): Promise<ClusterLayout> {
  const directory = clusterDirectory(name, base)
  createDirectories(directory)
  return decideLayout(directory, {
    etcdMembers: 3,
    nodes: 2,
    apiServerPort,
    claimNetwork: async (lastTime) => lastTime ?? { subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
    nodeAddresses: (_, ordinal) => ({ ip: `10.244.0.${10 + ordinal}`, podCidr: `10.244.${ordinal}.0/24` }),
  })
}

function allPorts({ apiServerPort, etcdMembers, nodes }: ClusterLayout): number[] {
  const etcdPorts = etcdMembers.flatMap(({ clientPort, peerPort }) => [clientPort, peerPort])
  return [apiServerPort, ...etcdPorts, ...nodes.map(({ kubeletPort }) => kubeletPort)]
}

async function occupy(port: number): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}

describe('the layout of a cluster', () => {
  it('gives every listener a port of its own', async () => {
    const ports = allPorts(await decide('a'))
    expect(new Set(ports).size).toBe(9)
  })

  it('is the same at the second start, so that a kubeconfig stays right', async () => {
    expect(await decide('a')).toEqual(await decide('a'))
  })

  it('keeps clear of the ports of another cluster, even while that one does not run', async () => {
    const [a, b] = [await decide('a'), await decide('b')]
    expect(allPorts(a).filter((port) => allPorts(b).includes(port))).toEqual([])
  })

  it('replaces a remembered port that somebody has taken meanwhile', async () => {
    const before = await decide('a')
    const thief = await occupy(before.apiServerPort)
    try {
      expect((await decide('a')).apiServerPort).not.toBe(before.apiServerPort)
    } finally {
      thief.close()
    }
  })

  it('refuses a port that the user asked for and that is in use, with what to do', async () => {
    const { apiServerPort } = await decide('a')
    const thief = await occupy(apiServerPort)
    try {
      await expect(decide('b', apiServerPort)).rejects.toThrow(/is in use\. Give another with --port/)
    } finally {
      thief.close()
    }
  })
})
