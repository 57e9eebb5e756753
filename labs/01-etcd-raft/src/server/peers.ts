/**
 * Where the other members are reached, as far as this one knows.
 *
 * The members that the cluster has agreed on are what counts. A member whose log is not there yet, because it is starting or joining, also goes by
 * what it was told when it was founded or joined; otherwise it could not even answer those who bring it the log.
 */
import type { Peer } from '#kit/raft/peer-transport.ts'
import type { ClusterConfiguration } from './cluster.ts'
import type { Membership } from './membership.ts'

export function knownPeers({ self, contacts }: ClusterConfiguration, members: Membership): Peer[] {
  const agreed = members.list().map(({ ID, peerURLs }): Peer => ({ id: ID, urls: peerURLs }))
  const told = contacts
    .filter(({ id }) => !members.get(id) && !members.isRemoved(id))
    .map(({ id, peerURLs }): Peer => ({ id, urls: peerURLs }))
  return [...agreed, ...told].filter(({ id }) => id !== self.id)
}
