#!/bin/sh
# A node's network stack. Runs at every start of the node container, because a stopped container loses its routes and rules.
#
#   NODE_IP       this node's address                       10.244.0.11
#   POD_CIDR      addresses of this node's pods             10.244.1.0/24
#   CLUSTER_CIDR  addresses of all pods and nodes           10.244.0.0/16
#   GATEWAY       the host, as seen from the bridge         10.244.0.1
#   KUBELET_PORT  where this node's kubelet listens there   20250
#   PEERS         the other nodes, "pods via node" each     10.244.2.0/24@10.244.0.12 …

set -e
rm -f /run/node-ready

for peer in $PEERS; do
  ip route replace "${peer%@*}" via "${peer#*@}"
done

# In chains of our own, so that nothing here gets in kube-proxy's way. One transaction: all of it or nothing.
iptables-restore --wait --noflush <<RULES
*nat
:NODE-KUBELET - [0:0]
:NODE-MASQUERADE - [0:0]
-A PREROUTING -j NODE-KUBELET
-A OUTPUT -j NODE-KUBELET
-A POSTROUTING -j NODE-MASQUERADE
-A NODE-KUBELET -d $NODE_IP/32 -p tcp -m tcp --dport 10250 -j DNAT --to-destination $GATEWAY:$KUBELET_PORT
-A NODE-MASQUERADE -d $GATEWAY/32 -m conntrack --ctstate DNAT -j MASQUERADE
-A NODE-MASQUERADE -s $POD_CIDR ! -d $CLUSTER_CIDR -j MASQUERADE
COMMIT
*filter
:NODE-REDIRECTS - [0:0]
-A OUTPUT -j NODE-REDIRECTS
-A NODE-REDIRECTS -p icmp -m icmp --icmp-type redirect -j DROP
COMMIT
RULES
# NODE-KUBELET: the kubelet of this node runs on the host. NODE-MASQUERADE: the host would answer a pod directly, from an
# address that the pod never asked, so it must answer through this node; and so must the world beyond the cluster.
# NODE-REDIRECTS: telling a pod to reach its neighbour directly would lead it past kube-proxy's rules. (The sysctl against
# that cannot be set from outside before the interface is there, nor from inside an unprivileged container.)

touch /run/node-ready
trap 'kill "$child"; exit 0' TERM INT
while :; do
  sleep 86400 &
  child=$!
  wait "$child"
done
