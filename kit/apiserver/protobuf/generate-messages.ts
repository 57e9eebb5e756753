/**
 * Makes `message-texts.ts`: for each API type the protobuf number of each of its fields, read from the struct tags of
 * upstream's Go types. Run by hand, with clones of kubernetes/api and kubernetes/apimachinery:
 *
 *     npx tsx kit/apiserver/protobuf/generate-messages.ts <api clone> <apimachinery clone> v0.32.0
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const packages = [
  'admissionregistration/v1',
  'apps/v1',
  'authentication/v1',
  'authorization/v1',
  'autoscaling/v1',
  'autoscaling/v2',
  'batch/v1',
  'certificates/v1',
  'coordination/v1',
  'core/v1',
  'discovery/v1',
  'events/v1',
  'flowcontrol/v1',
  'networking/v1',
  'node/v1',
  'policy/v1',
  'rbac/v1',
  'scheduling/v1',
  'storage/v1',
]

/** Go types with a protobuf form of their own. */
const special: Readonly<Record<string, string>> = {
  'metav1.Time': 'time',
  'metav1.MicroTime': 'microtime',
  'metav1.FieldsV1': 'raw',
  'runtime.RawExtension': 'raw',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'int-or-string',
  'types.UID': 'string',
}

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'bool',
  int32: 'int',
  int64: 'int',
  float64: 'double',
  '[]byte': 'bytes',
}

const [apiClone = '', machineryClone = '', tag = ''] = process.argv.slice(2)

interface GoPackage {
  readonly name: string
  readonly structs: ReadonlyMap<string, string>
  /** `type Protocol string` */
  readonly aliases: ReadonlyMap<string, string>
}

function parsePackage(name: string, clone: string, file: string): GoPackage {
  const source = execFileSync('git', ['-C', clone, 'show', `${tag}:${file}`], { encoding: 'utf8', maxBuffer: 1 << 26 })
  const structs = new Map(
    [...source.matchAll(/^type (\w+) struct \{\n(.*?)^\}/gms)].map(([, type, body]) => [type!, body!]),
  )
  const aliases = new Map(
    [...source.matchAll(/^type (\w+) ((?:map\[\w+\]|\[\])?[\w.]+)$/gm)].map(([, type, of]) => [type!, of!]),
  )
  return { name, structs, aliases }
}

const goPackages = new Map<string, GoPackage>([
  ['meta/v1', parsePackage('meta/v1', machineryClone, 'pkg/apis/meta/v1/types.go')],
  ...packages.map((name) => [name, parsePackage(name, apiClone, `${name}/types.go`)] as const),
])

/** What `v1.PodSpec` or `corev1.PodSpec` mean, as far as the API's own files go. */
const importedAs: Readonly<Record<string, string>> = {
  metav1: 'meta/v1',
  corev1: 'core/v1',
  v1: 'core/v1',
  apiv1: 'core/v1',
  authnv1: 'authentication/v1',
}

/** "name 1 string; ports 2 []core/v1.ServicePort": see messages.ts for the words. */
function messageText(goPackage: GoPackage, body: string): string {
  const fields: string[] = []
  for (const line of body.split('\n')) {
    const found = /^\s*(?:(\w+)\s+)?(\*?[\w.[\]*]+)\s+`(.*)`/.exec(line)
    const number = /protobuf:"\w+,(\d+),/.exec(found?.[3] ?? '')?.[1]
    if (!found || !number) continue
    const [json = '', ...options] = (/json:"([^"]*)"/.exec(found[3]!)?.[1] ?? '').split(',')
    const isPointer = found[2]!.startsWith('*')
    const type = typeText(goPackage, found[2]!.replace(/^\*/, ''))
    const keeps = isPointer || !options.includes('omitempty')
    const isScalar = /^(string|bool|int|double|int-or-string)$/.test(type)
    if (options.includes('inline')) fields.push(`... ${number} ${type}`)
    else fields.push(`${json} ${number} ${type}${isScalar && keeps ? '!' : ''}`)
  }
  return fields.join('; ')
}

function typeText(goPackage: GoPackage, type: string): string {
  const known = special[type] ?? scalars[type]
  if (known) return known
  if (goPackage.name === 'meta/v1' && special[`metav1.${type}`]) return special[`metav1.${type}`]!
  if (type.startsWith('[]')) return `[]${typeText(goPackage, type.slice(2).replace(/^\*/, ''))}`
  const map = /^map\[[\w.]+\](.*)$/.exec(type)
  if (map) return `map ${typeText(goPackage, map[1]!)}`
  const [qualifier, name] = type.includes('.') ? (type.split('.') as [string, string]) : ['', type]
  const home = qualifier ? goPackages.get(importedAs[qualifier] ?? '') : goPackage
  if (!home) throw new Error(`${goPackage.name}: where is ${type}?`)
  const alias = home.aliases.get(name)
  // A named list, such as ExtraValue, is a message of its own with the list as its only field.
  if (alias?.startsWith('[]')) return 'string-list'
  if (alias) return typeText(home, alias)
  if (special[name] && home.name === 'meta/v1') return special[name]
  return name === 'Time' || name === 'MicroTime' ? name.toLowerCase() : `${home.name}.${name}`
}

const texts = new Map<string, string>()
for (const goPackage of goPackages.values()) {
  for (const [name, body] of goPackage.structs) {
    const text = /List$/.test(name) && body.includes('metav1.ListMeta') ? '' : messageText(goPackage, body)
    if (text) texts.set(`${goPackage.name}.${name}`, text)
  }
}
const lines = [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `  '${name}': '${text}',`)
writeFileSync(
  new URL('./message-texts.ts', import.meta.url),
  `/**\n` +
    ` * Every protobuf message of the API as one line: name, number and type of each field. messages.ts says how a line is read, and\n` +
    ` * parses one when it is first met.\n` +
    ` *\n` +
    ` * Generated by generate-messages.ts; do not edit. Source: the struct tags of k8s.io/api ${tag}.\n` +
    ` */\n` +
    `export const messageTexts: Readonly<Record<string, string>> = {\n${lines.join('\n')}\n}\n`,
)
console.log(`${texts.size} messages`)
