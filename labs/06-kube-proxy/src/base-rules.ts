/**
 * The frame that is there with or without Services: where the kernel's hooks lead into kube-proxy's chains.
 *
 * Everything kube-proxy writes is in chains of its own, so that other people's rules stay as they are; in the kernel's own chains
 * it has only jumps.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (iptablesJumpChains, syncProxyRules).
 */
import type { Rules } from '#kit/contracts/proxy-rules.ts'
import { comment } from './rule-text.ts'

/** Only the first packet of a connection is asked; the others follow it. */
const NEW = '-m conntrack --ctstate NEW'

export function jumpRules(): Partial<Rules> {
  const portals = `${comment('kubernetes service portals')} -j KUBE-SERVICES`
  const firewall = `${NEW} ${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`
  const visible = `${NEW} ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`
  const internal = `${NEW} ${portals}`
  return {
    nat: {
      PREROUTING: [portals],
      OUTPUT: [portals],
      POSTROUTING: [`${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`],
    },
    filter: {
      INPUT: [
        '-j KUBE-FIREWALL',
        firewall,
        `${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS`,
        visible,
      ],
      FORWARD: [firewall, `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`, internal, visible],
      OUTPUT: ['-j KUBE-FIREWALL', firewall, internal],
    },
  }
}

/** The chains that other rules jump to, which must exist even when they are empty. */
export function emptyChains(): Partial<Rules> {
  return {
    nat: { 'KUBE-SERVICES': [], 'KUBE-NODEPORTS': [] },
    filter: { 'KUBE-SERVICES': [], 'KUBE-EXTERNAL-SERVICES': [], 'KUBE-NODEPORTS': [], 'KUBE-PROXY-FIREWALL': [] },
  }
}

export function forwardRules(): Partial<Rules> {
  const loopback = '! -s 127.0.0.0/8 -d 127.0.0.0/8'
  return {
    filter: {
      'KUBE-FIREWALL': [
        `${loopback} ${comment('block incoming localnet connections')} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
      ],
      'KUBE-FORWARD': [
        '-m conntrack --ctstate INVALID -j DROP',
        `${comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
        `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ],
    },
  }
}

/** Must be last in its chain: a node port must not take what is meant for an external IP that the node happens to have. */
export function nodePortsRule(): Partial<Rules> {
  const about = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain'
  return { nat: { 'KUBE-SERVICES': [`${comment(about)} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`] } }
}
