#!/bin/sh
# The pod's sandbox: holds the network namespace that the pod's containers join, and nothing else.
#
# With NODE_IP set, all of the pod's traffic goes through its node's network stack, where kube-proxy's rules see it:
# the route that would reach other pods directly over the bridge goes, and the node becomes the gateway. Only the host
# stays directly reachable, because it also reaches the pod directly: a connection must take one path both ways.

if [ -n "$NODE_IP" ]; then
  # busybox's `ip route show default` shows every route that could be one, so pick the line ourselves.
  host=$(ip route | while read -r destination _ gateway _; do [ "$destination" = default ] && echo "$gateway"; done)
  ip route replace "$NODE_IP" dev eth0
  [ -n "$host" ] && ip route replace "$host" dev eth0
  ip route replace default via "$NODE_IP"
  ip route show dev eth0 | while read -r destination _; do
    case $destination in */*) ip route del "$destination" dev eth0 ;; esac
  done
fi

# A shell that waits for a background child answers signals at once; one that runs `sleep` in the foreground does not.
trap 'kill "$child"; exit 0' TERM INT
while :; do
  sleep 86400 &
  child=$!
  wait "$child"
done
