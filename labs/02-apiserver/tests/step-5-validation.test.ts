/** Step 2.5: everything that is wrong, with the path of the field, in upstream's words. */
import { describe, expect } from 'vitest'
import { validateMetadata, validateMetadataUpdate } from '#apiserver/validation/metadata.ts'
import { validatePodSpec, validateResources } from '#apiserver/validation/pod.ts'
import { validateSelectorAndTemplate } from '#apiserver/validation/template.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { stored, texts } from './fixtures.ts'

const META = 'apimachinery pkg/api/validation/objectmeta.go'
const POD = 'kubernetes pkg/apis/core/validation/validation.go'
const main = { name: 'main', image: 'web:1' }

describe('metadata', () => {
  lesson(
    'is fine when names, labels and annotations are well formed',
    {
      scenario: 'A pod with a label with a prefix, an empty label value, an annotation key in capitals, and an owner.',
      rule: 'What is well formed draws no complaint.',
      source: META,
    },
    () => {
      const metadata = {
        name: 'web-1.example',
        labels: { app: 'web', 'example.com/tier': '' },
        annotations: { 'Example.com/Note': 'any text at all: ☺' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u' }],
      }
      expect(validateMetadata({ metadata })).toEqual([])
    },
  )

  lesson(
    'needs a name',
    {
      scenario: 'An object without a name, and without generateName.',
      rule: 'metadata.name: Required value.',
      source: META,
    },
    () => {
      expect(validateMetadata({ metadata: {} })).toEqual([
        {
          reason: 'FieldValueRequired',
          field: 'metadata.name',
          message: 'Required value: name or generateName is required',
        },
      ])
    },
  )

  lesson(
    'has a name of the form that its kind asks for',
    {
      scenario: 'BAD_NAME for a pod; web.shop for a namespace, which must be one DNS label; 1web for a Service.',
      rule: 'Names become parts of DNS names; which parts depends on the kind.',
      source: 'apimachinery pkg/util/validation/validation.go',
    },
    () => {
      expect(texts(validateMetadata({ metadata: { name: 'BAD_NAME' } }))).toEqual([
        "metadata.name: Invalid value: \"BAD_NAME\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ])
      expect(validateMetadata({ metadata: { name: 'web.shop' } })).toEqual([])
      expect(validateMetadata({ metadata: { name: 'web.shop' } }, 'dns-label')).toHaveLength(1)
      expect(validateMetadata({ metadata: { name: '1web' } }, 'dns-1035-label')).toHaveLength(1)
      expect(validateMetadata({ metadata: { name: 'web1' } }, 'dns-1035-label')).toEqual([])
    },
  )

  lesson(
    'reports every bad label and annotation, not only the first',
    {
      scenario:
        'A label with a space in its key, one with a value that ends in a dash, an annotation with two slashes.',
      rule: 'All errors at once, each with the path of its field and the value that is wrong.',
      source: META,
    },
    () => {
      const metadata = { name: 'web', labels: { 'a b': 'ok', ok: 'bad-' }, annotations: { 'a/b/c': 'x' } }
      const errors = validateMetadata({ metadata })
      expect(errors.map(({ field, message }) => [field, message.slice(0, message.indexOf(': ', 16))])).toEqual([
        ['metadata.labels', 'Invalid value: "a b"'],
        ['metadata.labels', 'Invalid value: "bad-"'],
        ['metadata.annotations', 'Invalid value: "a/b/c"'],
      ])
    },
  )

  lesson(
    'bounds what annotations may weigh together',
    {
      scenario:
        'Annotations of exactly 256 KiB, keys included, and with one byte more; then letters of two bytes each.',
      rule: 'Bytes of all keys and values count. `kubectl apply` keeps a copy of the file in an annotation, and large files do not fit.',
      source: `${META} (ValidateAnnotationsSize)`,
    },
    () => {
      const limit = 256 * 1024
      const weighing = (bytes: number) => ({
        name: 'web',
        annotations: { one: 'x'.repeat(bytes - 6 - 9), two: '123456789' },
      })
      expect(validateMetadata({ metadata: weighing(limit) })).toEqual([])
      expect(texts(validateMetadata({ metadata: weighing(limit + 1) }))).toEqual([
        'metadata.annotations: Too long: may not be more than 262144 bytes',
      ])
      const wide = { name: 'web', annotations: { one: 'é'.repeat(limit / 2) } }
      expect(validateMetadata({ metadata: wide })).toHaveLength(1)
    },
  )

  lesson(
    'wants owners that can be found',
    {
      scenario: 'The second owner of an object has neither uid nor kind.',
      rule: 'An owner without a uid could be any object of that name, also a later one: the garbage collector needs all four.',
      source: `${META} (validateOwnerReference)`,
    },
    () => {
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' },
        { apiVersion: 'v1', kind: '', name: 'n', uid: '' },
      ]
      expect(texts(validateMetadata({ metadata: { name: 'web', ownerReferences } }))).toEqual([
        'metadata.ownerReferences[1].kind: Invalid value: "": kind must not be empty',
        'metadata.ownerReferences[1].uid: Invalid value: "": uid must not be empty',
      ])
    },
  )

  lesson(
    'takes no new finalizers after the deletion',
    {
      scenario: 'A pod that is being deleted with the finalizer x: an update adds y and z; another one removes x.',
      rule: 'Finalizers can only become fewer then; else a promised deletion could be held up for ever.',
      source: `${META} (ValidateObjectMetaAccessorUpdate)`,
    },
    () => {
      const deleted = stored({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x'] })
      expect(validateMetadataUpdate({ metadata: { finalizers: ['x', 'y', 'z'] } }, deleted)).toEqual([
        {
          reason: 'FieldValueForbidden',
          field: 'metadata.finalizers',
          message:
            'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"y", "z"}',
        },
      ])
      expect(validateMetadataUpdate({ metadata: {} }, deleted)).toEqual([])
      expect(validateMetadataUpdate({ metadata: { finalizers: ['y'] } }, stored())).toEqual([])
    },
  )
})

describe('a pod’s spec', () => {
  lesson(
    'needs at least one container',
    {
      scenario: 'An empty list of containers, in a pod and in a template.',
      rule: 'The path begins where the spec is: an error in a template leads into the template.',
      source: `${POD} (validateContainers)`,
    },
    () => {
      expect(texts(validatePodSpec({ containers: [] }, 'spec'))).toEqual(['spec.containers: Required value'])
      expect(texts(validatePodSpec({ containers: [] }, 'spec.template.spec'))).toEqual([
        'spec.template.spec.containers: Required value',
      ])
    },
  )

  lesson(
    'reports the faults of all its containers',
    {
      scenario: 'An init container without an image, and two app containers: the first has port 0, the second no name.',
      rule: 'Each error has the path of its field, with the index of the container.',
      source: `${POD} (validateContainers)`,
    },
    () => {
      const spec = {
        initContainers: [{ name: 'init' }],
        containers: [
          { ...main, ports: [{ containerPort: 0 }] },
          { name: '', image: 'b' },
        ],
      }
      expect(texts(validatePodSpec(spec, 'spec'))).toEqual([
        'spec.initContainers[0].image: Required value',
        'spec.containers[0].ports[0].containerPort: Required value',
        'spec.containers[1].name: Required value',
      ])
    },
  )

  lesson(
    'tells its containers and volumes apart by name',
    {
      scenario: 'Two volumes called data; an app container called like an init container.',
      rule: 'Names are distinct among all containers of a pod, and among its volumes.',
      source: `${POD} (validateContainers, ValidateVolumes)`,
    },
    () => {
      const spec = {
        volumes: [{ name: 'data' }, { name: 'data' }],
        initContainers: [main],
        containers: [main, { ...main, name: 'other' }],
      }
      expect(validatePodSpec(spec, 'spec')).toEqual([
        { reason: 'FieldValueDuplicate', field: 'spec.volumes[1].name', message: 'Duplicate value: "data"' },
        { reason: 'FieldValueDuplicate', field: 'spec.containers[0].name', message: 'Duplicate value: "main"' },
      ])
    },
  )

  lesson(
    'lets containers mount only volumes that there are',
    {
      scenario: 'A container mounts data and logs; the pod has only data.',
      rule: 'The names of the volumes go to the check of every container.',
      source: `${POD} (ValidateVolumeMounts)`,
    },
    () => {
      const volumeMounts = [
        { name: 'data', mountPath: '/data' },
        { name: 'logs', mountPath: '/logs' },
      ]
      const spec = { volumes: [{ name: 'data' }], containers: [{ ...main, volumeMounts }] }
      expect(texts(validatePodSpec(spec, 'spec'))).toEqual([
        'spec.containers[0].volumeMounts[1].name: Not found: "logs"',
      ])
    },
  )

  lesson(
    'chooses among policies that exist',
    {
      scenario: 'restartPolicy: Sometimes, dnsPolicy: Whatever.',
      rule: 'Unsupported value, with the list of those that are supported.',
      source: `${POD} (validateRestartPolicy, validateDNSPolicy)`,
    },
    () => {
      const spec = { containers: [main], restartPolicy: 'Sometimes', dnsPolicy: 'Whatever' }
      expect(texts(validatePodSpec(spec, 'spec'))).toEqual([
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
        'spec.dnsPolicy: Unsupported value: "Whatever": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ])
    },
  )
})

describe('resources', () => {
  lesson(
    'request no more than their limit',
    {
      scenario: 'cpu: request 2, limit 1; memory: request 1Gi, limit 1024Mi; and a request without any limit.',
      rule: 'Quantities are compared by amount, not by spelling; where there is no limit, any request is fine.',
      source: `${POD} (ValidateContainerResourceRequirements)`,
    },
    () => {
      const resources = {
        requests: { cpu: '2', memory: '1Gi', 'example.com/gpu': '4' },
        limits: { cpu: '1', memory: '1024Mi' },
      }
      expect(validateResources(resources, 'spec.containers[0].resources')).toEqual([
        {
          reason: 'FieldValueInvalid',
          field: 'spec.containers[0].resources.requests',
          message: 'Invalid value: "2": must be less than or equal to cpu limit of 1',
        },
      ])
      expect(validateResources(undefined, 'x')).toEqual([])
    },
  )

  lesson(
    'are quantities, and not negative',
    {
      scenario: 'A limit of "lots", a request of -1.',
      rule: 'The path names the resource in brackets.',
      source: `${POD} (ValidateResourceQuantityValue)`,
    },
    () => {
      expect(texts(validateResources({ limits: { cpu: 'lots' }, requests: { memory: '-1' } }, 'r'))).toEqual([
        'r.limits[cpu]: Invalid value: "lots": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
        'r.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
      ])
    },
  )
})

describe('a selector and its template', () => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [main] } }

  lesson(
    'belong together',
    {
      scenario: 'A Deployment whose pods carry a=c while it looks for a=b.',
      rule: 'A controller that does not recognise its own pods makes new ones for ever.',
      source: 'kubernetes pkg/apis/apps/validation/validation.go (ValidatePodTemplateSpecForReplicaSet)',
    },
    () => {
      const other = { ...template, metadata: { labels: { a: 'c' } } }
      expect(texts(validateSelectorAndTemplate({ matchLabels: { a: 'b' } }, other, 'Always'))).toEqual([
        'spec.template.metadata.labels: Invalid value: map[string]string{"a":"c"}: `selector` does not match template `labels`',
      ])
      expect(validateSelectorAndTemplate({ matchLabels: { app: 'web' } }, template, 'Always')).toEqual([])
      const either = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'api'] }] }
      expect(validateSelectorAndTemplate(either, template, 'Always')).toEqual([])
    },
  )

  lesson(
    'are both required, and the selector must select',
    {
      scenario: 'Neither is there; the selector is empty.',
      rule: 'An empty selector would match every pod of the namespace.',
      source: 'kubernetes pkg/apis/apps/validation/validation.go (ValidateDeploymentSpec)',
    },
    () => {
      expect(texts(validateSelectorAndTemplate(undefined, undefined, 'Always'))).toEqual([
        'spec.selector: Required value',
        'spec.template: Required value',
      ])
      expect(validateSelectorAndTemplate({}, template, 'Always')).toMatchObject([
        { reason: 'FieldValueInvalid', field: 'spec.selector' },
      ])
    },
  )

  lesson(
    'make valid pods that restart as the controller expects',
    {
      scenario: 'A ReplicaSet whose template never restarts its container, which has no image.',
      rule: 'A pod that ends by itself would be replaced for ever; and a template is checked like the pods that it makes.',
      source: 'kubernetes pkg/apis/apps/validation/validation.go (ValidatePodTemplateSpecForReplicaSet)',
    },
    () => {
      const spec = { containers: [{ name: 'main' }], restartPolicy: 'Never' }
      const once = { metadata: template.metadata, spec }
      expect(texts(validateSelectorAndTemplate({ matchLabels: { app: 'web' } }, once, 'Always'))).toEqual([
        'spec.template.spec.containers[0].image: Required value',
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      ])
    },
  )
})
