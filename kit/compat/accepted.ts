/**
 * Differences that are known, and why they may stay.
 */
import type { Difference } from './compare.ts'

export interface AcceptedDifference {
  readonly where?: Difference['where']
  /** All commands when absent. */
  readonly command?: RegExp
  readonly text: RegExp
  readonly reason: string
}

export const ACCEPTED: readonly AcceptedDifference[] = [
  // What answers look like.
  {
    where: 'http',
    text: /content type application\/json, not application\/vnd\.kubernetes\.protobuf/,
    reason: 'Answers are JSON, whatever else a client would take; all of them take JSON.',
  },
  {
    where: 'http',
    text: /^GET \/openapi\/v3: content type application\/json, not text\/plain/,
    reason: 'The index is JSON, and says so.',
  },
  {
    where: 'http',
    text: /rows is \[\], not null/,
    reason: 'A table without rows has an empty list of them, for kinds without columns of their own, too.',
  },
  {
    where: 'http',
    text: /columnDefinitions\[\]\.description is /,
    reason: 'Columns are described in words of our own.',
  },
  {
    where: 'http',
    text: /^POST \/apis\/authorization|serviceaccounts\/\S+\/token: lacks metadata\.managedFields/,
    reason: 'Reviews and tokens are answered and not stored, so nobody owns their fields.',
  },
  {
    command: /^kubectl explain/,
    text: /./,
    reason: 'Descriptions lack the meaning of each word of an enumeration, and the defaults.',
  },
  // Who we are.
  {
    command: /^kubectl version/,
    text: /^GET \/version: (compiler|gitCommit|gitTreeState|goVersion|gitVersion|buildDate|platform)/,
    reason: 'This server is not built with Go.',
  },
  {
    command: /readyz/,
    text: /\[\+\]|another text/,
    reason: 'The parts that have to be ready are other parts.',
  },
  // What there is.
  {
    text: /metrics\.k8s\.io|metrics not available yet|Metrics API not available|aggregated-metrics-reader/,
    reason: 'What pods use is served without an add-on.',
  },
  {
    text: /openshift|service-ca|\.well-known|annotations\.service\.beta|^GET .*\/clusterrole(binding)?s.*lacks/,
    reason: 'The recorded cluster’s distribution brings objects of its own.',
  },
  {
    text: /brain-and-muscle:all-controllers|system:cloud-controller-manager/,
    reason: 'Controllers run with one identity, and the cloud’s are a program of their own: their roles are there.',
  },
  {
    text: /serviceaccount\/\S+-(controller|binder|collector|publisher|cleaner|autoscaler)\b/,
    reason: 'Controllers run with one identity, not with an account each.',
  },
  {
    text: /(endpoints|endpointslice\.discovery\.k8s\.io)\/kubernetes |endpoints\?limit=500: has (rows|parts of rows)\[\]\.object\.metadata\.labels/,
    reason: 'The recorded API server did not publish its own address.',
  },
  {
    text: /lacks parts of rows\[\]\.object\.metadata\.annotations\.endpoints\.kubernetes/,
    reason: 'Nobody measures how long it takes until a change of a pod reaches kube-proxy.',
  },
  // What is a matter of moments, or of chance.
  {
    where: 'stdout',
    command: /^kubectl drain/,
    text: /(evicting pod \S+|pod\/\S+ evicted)$/,
    reason: 'Which pods are on a node is for the scheduler to decide.',
  },
  {
    command: /"op":"test"/,
    text: /metadata\.managedFields is /,
    reason: 'The controller has taken back the status that the command before had patched.',
  },
  {
    command: /^kubectl (debug|delete pod) one/,
    text: /metadata\.managedFields is kubectl Update ephemeralcontainers/,
    reason: 'Who adds an ephemeral container owns it; the recorded server forgot to say so.',
  },
  {
    text: /FailedToCreateEndpoint/,
    reason: 'Two controllers of the recorded cluster met.',
  },
  {
    where: 'http',
    text: /^GET \S+\/(replicasets|pods)\/\S*<hash>\S*: |^POST \S+\/eviction: |^GET \S+\/j1-<suffix>: /,
    command: /^kubectl (describe (rs|pods)|drain)/,
    reason: 'Which of several comes last, and which pods are on a node, is chance.',
  },
  {
    where: 'http',
    command: /--cascade=orphan/,
    text: /deployments(\/d1|\?\S*name=d1\S*): /,
    reason: 'The garbage collector has let go of the object before kubectl looks again.',
  },
  {
    command: /^kubectl wait/,
    text: /condition met$|asked here only$/,
    reason: 'The recorder kept back the beginning of watches in which nothing happens, so that waiting never ended.',
  },
  {
    command: /^kubectl debug/,
    text: /connection refused$|\/(attach|log)\?\S+: asked here only$/,
    reason: 'Nobody attaches to a hollow container; in the recording it was not even tried to the end.',
  },
  {
    command: /^kubectl logs/,
    text: /containerLogs/,
    reason: 'Kubelets are called by their address, not by their host name; neither leads to a hollow one.',
  },
]
