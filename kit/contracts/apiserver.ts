/**
 * The seam inside the API server: plain requests go in, plain answers come out. Sockets are the shell's business
 * (given, kit/apiserver/), what a request means is the core's (written in lab 2).
 *
 * | who | file | symbol |
 * |---|---|---|
 * | core | `#apiserver/handle-request.ts` | `createRequestHandler(options): RequestHandler` |
 * | core | `#apiserver/kinds/registry.ts` | `kindRows: readonly KindRow[]`, in discovery order |
 * | core | `#apiserver/server.ts` | `startApiServer(options)`: the composition root, calls the shell |
 * | shell | `#kit/apiserver/http-server.ts` | `startHttpServer(options: HttpServerOptions): Promise<HttpServer>` |
 * | shell | `#kit/apiserver/unknown-fields.ts` | `unknownFields: UnknownFields` |
 * | shell | `#kit/apiserver/decode-object.ts` | `decodeObject: DecodeObject`: for every object that a client sends |
 *
 * Guarantees: the handler never throws and never rejects: each failure is an answer with a `Status` object (a stub's
 * NotImplemented becomes 501). Objects in answers are shared with the watch cache and must never be changed, so the
 * shell may remember an object's JSON by identity (a WeakMap) and serialise each one once for all readers.
 */
import type { ApiObject, Stored } from '../api/objects.ts'
import type { Resource } from '../api/resources.ts'
import type { Log } from './log.ts'
import type { RunningComponent } from './running-component.ts'

/** Who is asking. Step 2.11 makes it from `Credentials`. */
export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  /** What else is known, such as the pod that a token is bound to. */
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What the transport saw. The shell has verified the certificate against `--client-ca-file`, nothing else. */
export interface Credentials {
  /** Subject of a verified client certificate: CN, and every O. Its fingerprint is the SHA-256 of all of it, in hexadecimal. */
  readonly certificate?: {
    readonly commonName: string
    readonly organizations: readonly string[]
    readonly fingerprint?: string
  }
  /** The token of `Authorization: Bearer …`, or of a WebSocket's protocols. */
  readonly bearerToken?: string
  /** Whom the caller wants to be. */
  readonly impersonate?: Impersonation
}

/** The headers `Impersonate-User`, `-Uid`, `-Group` (each one) and `-Extra-…`. */
export interface Impersonation {
  readonly user: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export interface ApiRequest {
  /** As HTTP says it: "GET", "POST", … */
  readonly method: string
  /** Without the query, still percent-encoded: "/api/v1/namespaces/default/pods/web". */
  readonly path: string
  /** Every value of every query parameter, decoded: `{ command: ['sh', '-c'] }`. */
  readonly query: Readonly<Record<string, readonly string[]>>
  /** Media type of the body without parameters: "application/json", "application/merge-patch+json", … */
  readonly contentType?: string | undefined
  readonly accept?: string | undefined
  readonly userAgent?: string | undefined
  readonly credentials: Credentials
  /** The parsed body (JSON, YAML or protobuf): an object, or the patch document, or undefined when there was none. */
  readonly body?: unknown
}

/** What a path and method ask for. Step 2.1 makes it. Names and meaning as upstream's `request.RequestInfo`. */
export interface RequestInfo {
  readonly isResourceRequest: boolean
  /** "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; else the method in lower case. */
  readonly verb: string
  readonly path: string
  /** "api" or "apis". */
  readonly apiPrefix: string
  readonly apiGroup: string
  readonly apiVersion: string
  readonly namespace: string
  /** The plural: "pods". */
  readonly resource: string
  readonly subresource: string
  readonly name: string
  /** Of a list or watch, as it was asked: "spec.nodeName=node-1". */
  readonly fieldSelector?: string | undefined
}

/** `{ type: 'ERROR', object: Status }` ends a watch. */
export interface WatchStreamEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: ApiObject
}

/** A list as it goes over the wire; its `items` are shared objects. */
export interface ListObject extends ApiObject {
  items: readonly ApiObject[]
}

export type ApiResponse =
  /** One object, a list (`object.items`), or a Status. `kind` is the row it came from; absent for a Status. */
  | {
      readonly kind: 'object'
      readonly code: number
      readonly object: ApiObject
      readonly row?: KindRow | undefined
      /** For `Warning: 299 - "…"` headers. */
      readonly warnings?: readonly string[]
    }
  /** Events until the iterable ends. `stop()` ends it at once (the client went away); safe to call twice. */
  | {
      readonly kind: 'watch'
      readonly row: KindRow
      readonly events: AsyncIterable<WatchStreamEvent>
      stop(): void
    }
  /** Allowed, and to be answered by the pod's kubelet: the shell connects the two and copies bytes. */
  | ({ readonly kind: 'stream' } & KubeletStream)
  /** Allowed, and to be passed on to something in the cluster: nodes/proxy, pods/proxy, services/proxy. */
  | ({ readonly kind: 'proxy' } & ProxyDestination)
  /** Allowed, and not a resource: health, version, discovery, OpenAPI. The shell answers by `path`. */
  | { readonly kind: 'document' }

export interface KubeletStream {
  readonly operation: 'log' | 'exec' | 'attach' | 'portforward'
  /** The kubelet: the node's InternalIP and `daemonEndpoints.kubeletEndpoint.Port`. */
  readonly node: { readonly name: string; readonly address: string; readonly port: number }
  /** On the kubelet: "/containerLogs/default/web/main", "/exec/default/web/main". */
  readonly path: string
  /** In the kubelet's words: exec's `stdin=true` has become `input=1`. */
  readonly query: Readonly<Record<string, readonly string[]>>
}

/** Where a `/proxy` request goes. The shell sends it on with its method, headers, query and body. */
export interface ProxyDestination {
  readonly scheme: 'http' | 'https'
  /** An IP address. */
  readonly address: string
  /** Absent: the scheme's own. */
  readonly port?: number
  /** Still percent-encoded; "" when the request's path ends with `/proxy`. */
  readonly path: string
  /** A kubelet wants to see the server's certificate, and its own is verified. Nobody else's is. */
  readonly toKubelet: boolean
}

export type RequestHandler = (request: ApiRequest) => Promise<ApiResponse>

/** One thing wrong with one field. `toString` of upstream's `field.Error` is `${field}: ${message}`. */
export interface FieldError {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid'
  /** "spec.containers[0].image" */
  readonly field: string
  /** Upstream's whole text without the path: `Invalid value: "x": must be …`, `Required value`. */
  readonly message: string
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'

export interface SubresourceRow {
  /** "status", "scale", "log", … */
  readonly name: string
  readonly verbs: readonly Verb[]
  /** What it carries, when that is not the row's own kind: scale is `autoscaling/v1` `Scale`. */
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
}

/** "web.example.com", "web-1", "web-1" that does not begin with a digit, or anything that fits between two slashes. */
export type NameFormat = 'dns-subdomain' | 'dns-label' | 'dns-1035-label' | 'path-segment'

/** One kind that the server serves. The registry is a table of these; handlers know no kind by name. */
export interface KindRow {
  readonly resource: Resource
  readonly verbs: readonly Verb[]
  readonly subresources: readonly SubresourceRow[]
  /** Below "/registry/", as upstream's: "pods", "minions" (nodes), "services/specs", "controllers" (RCs). */
  readonly storagePrefix: string
  /** Never stored: reviews are created and answered, metrics are measured. */
  readonly virtual?: true
  /** Seconds after which etcd's lease takes the object away: events. */
  readonly ttlSeconds?: number
  /** Another version of the same stored objects: reads and writes pass through here. Events of two groups. */
  readonly conversion?: {
    toStorage(object: ApiObject): ApiObject
    fromStorage(object: ApiObject): ApiObject
  }
  /** Of the spec: what defaults fill in, and nobody owns, since it is really the server that chooses it. */
  readonly chosenByServer?: Readonly<Record<string, unknown>>
  /** Fills in what the user left out. Changes the draft it is given. */
  applyDefaults?(draft: ApiObject): void
  /**
   * Before a creation: drops what users may not set (status), sets what they cannot (a namespace's finalizers, who asks for a
   * certificate). `by` is who creates; nobody, when the server does.
   */
  prepareForCreate?(draft: ApiObject, by?: UserInfo): void
  /** Before an update of the main resource: keeps status and whatever else is not this endpoint's to change. */
  prepareForUpdate?(draft: ApiObject, old: Stored<ApiObject>): void
  /** Everything wrong with the object, not only the first thing. Metadata is checked for all kinds elsewhere. */
  validate?(object: ApiObject): readonly FieldError[]
  /** What a new object may not have, though an old one may. */
  validateCreate?(object: ApiObject): readonly FieldError[]
  /** What may not change. */
  validateUpdate?(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[]
  /** What a name must look like. Default: a DNS subdomain. */
  readonly nameFormat?: NameFormat
  /** Beyond `metadata.name` and `metadata.namespace`: `spec.nodeName`, `status.phase`. */
  selectableFields?(object: ApiObject): Readonly<Record<string, string>>
  /** Whether `metadata.generation` counts changes of the spec. */
  readonly hasGeneration?: boolean
  /** Whether changed annotations count as well: a Deployment's. */
  readonly annotationsRaiseGeneration?: boolean
  /** Whether `metadata.deletionGracePeriodSeconds` is used: pods. */
  readonly gracefulDeletion?: boolean
  /** Finalizers outside of metadata that keep the object alive, too: a namespace's `spec.finalizers`. */
  otherFinalizers?(object: ApiObject): readonly string[]
  /** Told when a deletion has been put on record: a namespace becomes Terminating. Changes the draft it is given. */
  markDeleting?(draft: ApiObject): void
  /** A deletion answers with the object that was deleted instead of a Status: pods, services, service accounts. */
  readonly returnsDeletedObject?: boolean
  /** What a deletion with no policy means: Background, but Orphan for a ReplicationController. Events own nothing: Unsupported. */
  readonly defaultPropagation?: 'Background' | 'Orphan' | 'Unsupported'
  /** An update may create (Lease, …). */
  readonly allowCreateOnUpdate?: boolean
  /** An update without resourceVersion overwrites whatever is there. Upstream: true for almost all, false for leases… */
  readonly allowUnconditionalUpdate?: boolean
}

/** Paths of fields in `object` that the kind's schema does not have, such as `spec.replicsa`. */
export type UnknownFields = (resource: Resource, object: ApiObject) => readonly string[]

/** What upstream's decoder makes of an object that a client sent, or that a patch resulted in. */
export interface DecodedObject {
  /** Without fields that the kind does not have, and without nulls; of the shape that the kind's type promises. */
  readonly object: ApiObject
  /** Paths of what was left out: an error, a warning or nothing, as `fieldValidation` says. */
  readonly unknownFields: readonly string[]
  /** `json: cannot unmarshal string into Go struct field …`: a 400, whatever `fieldValidation` says. */
  readonly typeProblem: string | undefined
}

export type DecodeObject = (kind: Pick<Resource, 'group' | 'version' | 'kind'>, object: ApiObject) => DecodedObject

/** What the shell needs. `startHttpServer` must resolve once it listens, so `address` can be read. */
export interface HttpServerOptions {
  readonly handle: RequestHandler
  readonly kinds: readonly KindRow[]
  readonly bindAddresses: readonly string[]
  /** 0 picks a free port (the same for all addresses). */
  readonly port: number
  /** PEM texts. Absent: plain HTTP, for tests. */
  readonly tls?: {
    readonly certificate: string
    readonly privateKey: string
    /** Whom to trust for client certificates. Clients without one are let through (the core calls them anonymous). */
    readonly clientCertificateAuthority?: string
  }
  /** How to be known to, and to know, kubelets. PEM texts. */
  readonly kubelet?: {
    readonly certificateAuthority?: string
    readonly clientCertificate?: string
    readonly clientPrivateKey?: string
  }
  /** Further documents by path, such as `/openid/v1/jwks`; `serverAddress` is "10.244.0.1:6443". */
  documentAt?(path: string, serverAddress: string): { readonly contentType: string; readonly body: string } | undefined
  /** Further lines for `/metrics`, in Prometheus' text format. */
  furtherMetrics?(): readonly string[]
  /** For health checks: whether the store can be read. */
  storeAnswers?(): Promise<boolean>
  /** For `/readyz`. */
  ready?(): boolean
  /** Hears of answers that failed through no fault of the client. */
  readonly log?: Log
  /** Milliseconds after which a watcher that reads nothing is cut off; ten seconds when not given. */
  readonly stalledWatchMs?: number
  /** Milliseconds in which a request's headers must have come; twenty seconds when not given. */
  readonly headersTimeoutMs?: number
}

export interface HttpServer extends RunningComponent {
  readonly port: number
}
