import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describeWith } from '../testing/tools.ts'
import { ensureImages, type ImageProgress } from './ensure-images.ts'
import { DEMO_IMAGE, NODE_IMAGE, PAUSE_IMAGE } from './recipes.ts'
import { runInContainer } from './run-in-container.ts'

const label = { 'brain-and-muscle.cluster': `images-test-${process.pid}` }

// Containers take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

describeWith(['docker'], 'the images that the kit makes from what the host has', () => {
  const docker = new Dockerode()
  beforeAll(() => ensureImages(docker), 120_000)
  afterAll(async () => {
    const left = await docker.listContainers({
      all: true,
      filters: { label: [`brain-and-muscle.cluster=${label['brain-and-muscle.cluster']}`] },
    })
    await Promise.all(left.map(({ Id }) => docker.getContainer(Id).remove({ force: true })))
  })

  const run = (image: string, command: string, capabilities: string[] = []) =>
    runInContainer(docker, { image, command: ['sh', '-c', command], label, capabilities })

  it('are built once and then found present', async () => {
    const seen: ImageProgress[] = []
    await ensureImages(docker, (progress) => seen.push(progress))
    expect(seen.map(({ step }) => step)).toEqual(['present', 'present', 'present'])
  })

  it('demo answers HTTP requests with its host name, on $PORT', async () => {
    const ask = 'wget -qO- http://127.0.0.1:8081/'
    const command = `PORT=8081 node /demo/server.mjs & until ${ask} 2>/dev/null; do sleep 0.05; done`
    expect((await run(DEMO_IMAGE, command)).output).toMatch(/^[0-9a-f]{12}$/m)
  })

  it('node accepts the matches and targets that kube-proxy writes', async () => {
    const rules = [
      '-t nat -A POSTROUTING -m statistic --mode random --probability 0.5 -j MASQUERADE --random-fully',
      '-A INPUT -m recent --name X --set -m addrtype --dst-type LOCAL -j REJECT',
    ]
    const result = await run(NODE_IMAGE, rules.map((rule) => `iptables ${rule}`).join(' && '), ['NET_ADMIN'])
    expect(result).toEqual({ exitCode: 0, output: '' })
  })

  it('pause stops at once when asked to', async () => {
    const container = await docker.createContainer({ Image: PAUSE_IMAGE, Labels: label })
    await container.start()
    const startedMs = performance.now()
    await container.stop({ t: 10 })
    expect((await container.inspect()).State.ExitCode).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(9_000)
    await container.remove({ force: true })
  })
})
