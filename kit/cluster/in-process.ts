/**
 * The same components with the same flags, all in this process: for tests, and for whoever wants one debugger for everything.
 *
 * What is lost: nothing can be killed one by one, and nothing is brought back.
 */
import type { RunningComponent } from '../contracts/running-component.ts'
import type { Component, Program } from './components.ts'
import { start as cloudControllerManager } from './processes/cloud-controller-manager.ts'
import { start as etcd } from './processes/etcd.ts'
import { start as kubeApiserver } from './processes/kube-apiserver.ts'
import { start as kubeControllerManager } from './processes/kube-controller-manager.ts'
import { start as kubeProxy } from './processes/kube-proxy.ts'
import { start as kubeScheduler } from './processes/kube-scheduler.ts'
import { start as kubelet } from './processes/kubelet.ts'
import type { StartProgram } from './processes/program.ts'

const START: Readonly<Record<Program, StartProgram>> = {
  etcd,
  'kube-apiserver': kubeApiserver,
  'kube-scheduler': kubeScheduler,
  'kube-controller-manager': kubeControllerManager,
  'cloud-controller-manager': cloudControllerManager,
  kubelet,
  'kube-proxy': kubeProxy,
}

/** Starts all at once; each waits for what it needs by itself. Stopping goes the other way round. */
export async function startInProcess(components: readonly Component[]): Promise<RunningComponent> {
  const running = await Promise.all(components.map(({ program, args }) => START[program](args)))
  return {
    async stop() {
      for (const component of running.reverse()) await component.stop()
    },
  }
}
