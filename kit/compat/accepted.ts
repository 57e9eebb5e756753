/**
 * Differences that are known, and why they may stay. Each rule says exactly what it is about, so that anything else that comes to
 * differ in the same answer is noticed.
 */
import type { Difference } from './compare.ts'

export interface AcceptedDifference {
  readonly where?: Difference['where']
  /** All commands when absent. */
  readonly command?: RegExp
  readonly text: RegExp
  /** How often for one command, for lines that only their number tells from others. */
  readonly most?: number
  readonly reason: string
}

/** Of what answers look like. */
const FORMS: readonly AcceptedDifference[] = [
  {
    where: 'http',
    text: /: content type application\/json, not application\/vnd\.kubernetes\.protobuf(;stream=watch)?$/,
    reason: 'Answers are JSON, whatever else a client would take; all of them take JSON.',
  },
  {
    where: 'http',
    text: /^GET \/openapi\/v3: content type application\/json, not text\/plain; charset=utf-8$/,
    reason: 'The index is JSON, and says so.',
  },
  {
    where: 'http',
    text: /\/(limitranges|customresourcedefinitions)\?limit=500: rows is \[\], not null$/,
    reason: 'A table without rows has an empty list of them, for kinds without columns of their own, too.',
  },
  {
    where: 'http',
    text: /^GET [^:]+[?&]limit=500: columnDefinitions\[\]\.description is /,
    reason: 'Columns are described in words of our own.',
  },
  {
    where: 'http',
    text: /^POST \S+\/(token|selfsubjectaccessreviews): lacks metadata\.managedFields$/,
    reason: 'Reviews and tokens are answered and not stored, so nobody owns their fields.',
  },
  {
    where: 'stdout',
    command: /^kubectl explain pod\.spec\.containers$/,
    text: /^- {5,6}\S/,
    most: 14,
    reason: 'Descriptions lack the meaning of each word of an enumeration.',
  },
]

/** Of who we are, and what there is. */
const CONTENTS: readonly AcceptedDifference[] = [
  {
    command: /^kubectl version/,
    text: /^GET \/version: (compiler|gitCommit|gitTreeState|goVersion) is /,
    reason: 'This server is not built with Go.',
  },
  {
    command: /readyz/,
    text: /^\+ \[\+\](etcd|etcd-readiness) ok$|^- \[\+\](autoregister-completion|poststarthook\/\S+|storage-object-count-tracker-hook) ok$|^GET \/readyz\?verbose=: another text$/,
    reason: 'The parts that have to be ready are other parts.',
  },
  {
    where: 'stdout',
    text: /^\+ ((nodes|pods) {2}metrics\.k8s\.io\/v1beta1 {2}(false|true) {2}(Node|Pod)Metrics|metrics\.k8s\.io\/v1beta1|system:aggregated-metrics-reader {2}<time>)$/,
    reason: 'What pods use is served without an add-on.',
  },
  {
    command: /^kubectl top/,
    text: /^\+ error: metrics not available yet$|^- error: Metrics API not available$|^GET \/apis\/metrics\.k8s\.io\/v1beta1\/nodes: asked here only$/,
    reason: 'What pods use is served without an add-on, as soon as kubelets have been asked.',
  },
  {
    where: 'http',
    text: /^GET \/api\/v1: resources\[\]\.name is also "pods\/resize"$/,
    reason: 'Pods can be resized without a feature gate.',
  },
  {
    where: 'stdout',
    text: /^- .*(namespace\/openshift-kube-apiserver|openshift-service-ca\.crt|service-ca-cert-publisher|system:openshift:public-info-viewer|\[\/\.well-known(\/\*)?\]) */i,
    reason: 'The recorded cluster’s distribution brings objects of its own.',
  },
  {
    where: 'http',
    text: /: spec\.volumes\[\]\.projected\.sources\[\]\.configMap\.(name|items\[\]\.(key|path)) is never "(openshift-)?service-ca\.crt"$|: status\.nonResourceRules\[\]\.nonResourceURLs\[\] is never "\/\.well-known" \| "\/\.well-known\/\*"$/,
    reason: 'The recorded cluster’s distribution mounts a certificate into each pod, and lets everybody see a page.',
  },
  {
    where: 'http',
    text: /configmaps(\?limit=500)?: lacks (items\[\]\.data\.service-ca\.crt|parts of (rows\[\]\.object|items\[\])\.metadata\.annotations\.service\.beta(\.openshift)?)$|^DELETE \S+\/configmaps\/openshift-service-ca\.crt: never asked$/,
    reason: 'The recorded cluster’s distribution puts a certificate into each namespace.',
  },
  {
    where: 'stdout',
    text: /^\+ (brain-and-muscle:all-controllers|system:cloud-controller-manager) {2}/,
    reason: 'Controllers run with one identity, and the cloud’s are a program of their own: their roles are there.',
  },
  {
    where: 'stdout',
    text: /^- kube-system {2}serviceaccount\/([a-z-]+-(controller|binder|collector|publisher|cleaner)|horizontal-pod-autoscaler) {2}0 {2}<age>$/,
    reason: 'Controllers run with one identity, not with an account each.',
  },
  {
    text: /^\+ (endpoints\/kubernetes {2}127\.0\.0\.1:\d+|endpointslice\.discovery\.k8s\.io\/kubernetes {2}IPv4 {2}\d+ {2}127\.0\.0\.1) {2}<age>$|\/endpoints\?limit=500: has (rows\[\]\.object\.metadata\.labels, which is not there|parts of rows\[\]\.object\.metadata\.labels\.endpointslice\.kubernetes)$/,
    reason: 'The recorded API server did not publish its own address.',
  },
]

/** What is a matter of moments, or of chance. */
const MOMENTS: readonly AcceptedDifference[] = [
  {
    command: /^kubectl (drain|describe node)/,
    text: /^[+-] (evicting pod \S+|pod\/\S+ evicted)$|^[+-] {3}(cpu|memory) {2}\S+ \(\d+%\) {2}\S+ \(\d+%\)$|^[+-] Non-terminated Pods: {2}\(\d+ in total\)$|^(GET|POST) \/api\/v1\/namespaces\/default\/pods\/\S+: (never asked|asked here only)$/,
    reason: 'Which pods are on a node is for the scheduler to decide.',
  },
  {
    where: 'http',
    command: /^kubectl describe rs/,
    text: /\/replicasets\/web-<hash>: (metadata\.generation is \d+, not \d+|(has|lacks) spec\.replicas\b.*|spec\.template\.spec\.containers\[\]\.env\[\]\.value is "\w+", not "\w+")$/,
    reason: 'Names are generated, so which of several comes last is chance.',
  },
  {
    where: 'http',
    command: /"op":"test"/,
    text: /^GET \S+\/deployments\/web: metadata\.managedFields is /,
    reason: 'The controller has taken back the status that the command before had patched.',
  },
  {
    where: 'http',
    command: /^kubectl (debug|delete pod) one/,
    text: /\/pods\/one(\/ephemeralcontainers)?: metadata\.managedFields is kubectl Update ephemeralcontainers /,
    reason: 'Who adds an ephemeral container owns it; the recorded server forgot to say so.',
  },
  {
    where: 'stdout',
    text: /^- <age> {2}Warning {2}FailedToCreateEndpoint {2}endpoints\/ssa {2}/i,
    reason: 'Two controllers of the recorded cluster met.',
  },
  {
    where: 'http',
    text: /\/endpoint(s|slices)\?limit=500: (has|lacks) parts of rows\[\]\.object\.metadata\.annotations\.endpoints\.kubernetes$/,
    reason: 'Endpoints bear the time of their last change if it was a pod that changed, and what came last is chance.',
  },
  {
    where: 'http',
    command: /--cascade=orphan/,
    text: /\/deployments\?fieldSelector=metadata\.name=d1&\S+: (has items, which is not there|lacks (parts of )?items\[\]\.\S+)$/,
    reason: 'The garbage collector has let go of the object before kubectl looks again.',
  },
  {
    command: /^kubectl wait/,
    text: /^\+ (deployment\.apps\/web|pod\/(web|ssa)-<hash>-<suffix>) condition met$|^GET \S+\/pods\?\S*fieldSelector=metadata\.name=(web|ssa)-<hash>-<suffix>\S*: asked here only$/,
    reason: 'The recorder kept back the beginning of watches in which nothing happens, so that waiting never ended.',
  },
  {
    command: /^kubectl debug/,
    text: /^\+ .*: dial tcp 192\.0\.2\.2:\d+: connect: connection refused$|\/pods\/one\/(attach|log)\?container=debugger-<suffix>\S*: asked here only$/,
    reason: 'Nobody attaches to a hollow container; in the recording it was not even tried to the end.',
  },
  {
    command: /^kubectl logs/,
    text: /^[+-] Error from server: Get "https:\/\/(192\.0\.2\.2|hollow-\d):\d+\/containerLogs\/\S+": dial tcp|\/log\?\S+: message is "Get \S+containerLogs\/\S+ dial tcp 192\.0\.2\.2:\d+: connect: connection refused", not "Get \S+containerLogs\/\S+ dial tcp: lookup /,
    reason: 'Kubelets are called by their address, not by their host name; neither leads to a hollow one.',
  },
]

export const ACCEPTED: readonly AcceptedDifference[] = [...FORMS, ...CONTENTS, ...MOMENTS]
