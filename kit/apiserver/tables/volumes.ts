/**
 * Volumes, claims, and the kinds of storage, in one line.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printPersistentVolume`, `printPersistentVolumeClaim`,
 * `printStorageClass`, `printVolumeAttachment`, `printCSINode`, `printCSIDriver`.
 */
import type {
  CSIDriver,
  CSINode,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer, wideColumn } from './columns.ts'

const UNSET = '<unset>'
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class'
const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}

/** "RWO,RWX", always in this order. */
function accessModes(modes: readonly string[] = []): string {
  return Object.keys(shortModes)
    .filter((mode) => modes.includes(mode))
    .map((mode) => shortModes[mode])
    .join(',')
}

function phaseOf({ metadata, status }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')
}

function classOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? ''
}

export const persistentVolumePrinter: Printer<PersistentVolume> = {
  columns: [
    nameColumn,
    column('Capacity', 'How much it holds.'),
    column('Access Modes', 'How it can be mounted.'),
    column('Reclaim Policy', 'What becomes of it after its claim.'),
    column('Status', 'Whether it is available, bound or released.'),
    column('Claim', 'The claim that it is bound to.'),
    column('StorageClass', 'Its class.'),
    column('VolumeAttributesClass', 'The class of its attributes.'),
    column('Reason', 'Why it is in this state.'),
    ageColumn,
    wideColumn('VolumeMode', 'Filesystem or Block.'),
  ],
  cells: (volume, nowMs) => [
    volume.metadata?.name ?? '',
    volume.spec?.capacity?.storage ?? '0',
    accessModes(volume.spec?.accessModes),
    volume.spec?.persistentVolumeReclaimPolicy ?? '',
    phaseOf(volume),
    volume.spec?.claimRef ? `${volume.spec.claimRef.namespace ?? ''}/${volume.spec.claimRef.name ?? ''}` : '',
    classOf(volume),
    volume.spec?.volumeAttributesClassName ?? UNSET,
    volume.status?.reason ?? '',
    age(volume.metadata?.creationTimestamp, nowMs),
    volume.spec?.volumeMode ?? UNSET,
  ],
}

export const persistentVolumeClaimPrinter: Printer<PersistentVolumeClaim> = {
  columns: [
    nameColumn,
    column('Status', 'Whether it is bound to a volume.'),
    column('Volume', 'The volume.'),
    column('Capacity', 'How much the volume holds.'),
    column('Access Modes', 'How the volume can be mounted.'),
    column('StorageClass', 'The class that was asked for.'),
    column('VolumeAttributesClass', 'The class of attributes that was asked for.'),
    ageColumn,
    wideColumn('VolumeMode', 'Filesystem or Block.'),
  ],
  cells: (claim, nowMs) => {
    const bound = Boolean(claim.spec?.volumeName)
    return [
      claim.metadata?.name ?? '',
      phaseOf(claim),
      claim.spec?.volumeName ?? '',
      bound ? (claim.status?.capacity?.storage ?? '0') : '',
      bound ? accessModes(claim.status?.accessModes) : '',
      classOf(claim),
      claim.spec?.volumeAttributesClassName ?? UNSET,
      age(claim.metadata?.creationTimestamp, nowMs),
      claim.spec?.volumeMode ?? UNSET,
    ]
  },
}

export const storageClassPrinter: Printer<StorageClass> = {
  columns: [
    nameColumn,
    column('Provisioner', 'Who makes its volumes.'),
    column('ReclaimPolicy', 'What becomes of a volume after its claim.'),
    column('VolumeBindingMode', 'When volumes are made.'),
    column('AllowVolumeExpansion', 'Whether volumes may grow.'),
    ageColumn,
  ],
  cells: ({ metadata, provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion = false }, nowMs) => {
    const isDefault = DEFAULT_CLASS.some((annotation) => metadata?.annotations?.[annotation] === 'true')
    return [
      `${metadata?.name ?? ''}${isDefault ? ' (default)' : ''}`,
      provisioner,
      reclaimPolicy ?? 'Delete',
      volumeBindingMode ?? 'Immediate',
      allowVolumeExpansion,
      age(metadata?.creationTimestamp, nowMs),
    ]
  },
}

export const volumeAttachmentPrinter: Printer<VolumeAttachment> = {
  columns: [
    nameColumn,
    { ...column('Attacher', 'The driver that attaches it.'), format: 'name' },
    column('PV', 'The volume.'),
    column('Node', 'The node.'),
    column('Attached', 'Whether it is attached.', 'boolean'),
    ageColumn,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.attacher ?? '',
    spec?.source?.persistentVolumeName ?? '',
    spec?.nodeName ?? '',
    status?.attached ?? false,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const csiNodePrinter: Printer<CSINode> = {
  columns: [nameColumn, column('Drivers', 'How many drivers the node has.', 'integer'), ageColumn],
  cells: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec?.drivers?.length ?? 0,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const csiDriverPrinter: Printer<CSIDriver> = {
  columns: [
    nameColumn,
    column('AttachRequired', 'Whether volumes must be attached to nodes.', 'boolean'),
    column('PodInfoOnMount', 'Whether the driver is told about the pod.', 'boolean'),
    column('StorageCapacity', 'Whether the scheduler looks at its capacity.', 'boolean'),
    column('TokenRequests', 'The audiences of the tokens that it gets.'),
    column('RequiresRepublish', 'Whether it mounts again and again.', 'boolean'),
    column('Modes', 'Persistent, Ephemeral, or both.'),
    ageColumn,
  ],
  cells: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec?.attachRequired ?? true,
    spec?.podInfoOnMount ?? false,
    spec?.storageCapacity ?? false,
    spec?.tokenRequests?.map(({ audience }) => audience).join(',') || UNSET,
    spec?.requiresRepublish ?? false,
    spec?.volumeLifecycleModes?.join(',') || NONE,
    age(metadata?.creationTimestamp, nowMs),
  ],
}
