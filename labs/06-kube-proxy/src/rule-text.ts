/**
 * The pieces that rules are put together from, written as the kernel writes them back: addresses with their prefix length,
 * `-p` before the modules, the comment first among these.
 *
 * Source: iptables-extensions(8); how the kernel prints rules: `iptables-save`.
 */
import type { ServicePortInfo } from '#kit/contracts/proxy.ts'

/** `-m comment --comment "…"`: for the people who read `iptables-save`. */
export function comment(text: string): string {
  return `-m comment --comment "${text}"`
}

/** `-p tcp -m comment … -m tcp --dport 80`: traffic to that port, of the Service port's protocol. */
export function toPort({ protocol }: ServicePortInfo, port: number, about: string): string {
  const name = protocol.toLowerCase()
  return `-p ${name} ${comment(about)} -m ${name} --dport ${port}`
}

/** `-d 10.96.0.10/32 -p udp -m comment … -m udp --dport 53`: traffic to that address and to the Service's port. */
export function toAddress(address: string, service: ServicePortInfo, about: string): string {
  return `-d ${address}/32 ${toPort(service, service.port, about)}`
}

/** `-m statistic --mode random --probability 0.33333333349`: holds for that share of the packets. The kernel keeps 31 bits of it. */
export function byChance(probability: number): string {
  const kept = Math.round(probability * 2 ** 31) / 2 ** 31
  return `-m statistic --mode random --probability ${kept.toFixed(11)}`
}
