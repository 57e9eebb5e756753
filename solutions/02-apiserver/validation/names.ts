/**
 * What a name may look like: each function gives upstream's complaint, or undefined when all is well.
 *
 * Source: apimachinery `pkg/util/validation/validation.go`.
 */
import type { NameFormat } from '#kit/contracts/apiserver.ts'

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_VALUE = `(${QUALIFIED})?`

export function nameProblem(name: string, format: NameFormat = 'dns-subdomain'): string | undefined {
  if (format === 'dns-label') return dnsLabelProblem(name)
  if (format === 'path-segment') return pathSegmentProblem(name)
  return format === 'dns-1035-label' ? dns1035LabelProblem(name) : subdomainProblem(name)
}

/** Most names: "web", "web.example.com", at most 253 characters. */
export function subdomainProblem(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 characters'
  return matchesWhole(SUBDOMAIN, name)
    ? undefined
    : `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`
}

/** Namespaces, containers, port names: one label of a DNS name, at most 63 characters. */
export function dnsLabelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters'
  return matchesWhole(LABEL, name)
    ? undefined
    : `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`
}

/** Services: as a DNS label, but it must begin with a letter. */
export function dns1035LabelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters'
  return matchesWhole(LABEL_1035, name)
    ? undefined
    : `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${LABEL_1035}')`
}

/** Roles and their bindings: "system:kube-scheduler". Source: apimachinery `pkg/api/validation/path/name.go`. */
export function pathSegmentProblem(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`
  const found = ['/', '%'].filter((character) => name.includes(character))
  return found.length > 0 ? found.map((character) => `may not contain '${character}'`).join(', ') : undefined
}

/** Keys of labels and annotations: "app", "example.com/app". */
export function qualifiedNameProblem(key: string): string | undefined {
  const parts = key.split('/')
  const name = parts.at(-1) ?? ''
  if (parts.length > 2) {
    return `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`
  }
  if (parts.length === 2) {
    const problem = parts[0] ? subdomainProblem(parts[0]) : 'must be non-empty'
    if (problem) return `prefix part ${problem}`
  }
  if (name === '') return 'name part must be non-empty'
  if (name.length > 63) return 'name part must be no more than 63 characters'
  return matchesWhole(QUALIFIED, name)
    ? undefined
    : `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`
}

export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters'
  return matchesWhole(LABEL_VALUE, value)
    ? undefined
    : `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${LABEL_VALUE}')`
}

function matchesWhole(pattern: string, text: string): boolean {
  return new RegExp(`^${pattern}$`).test(text)
}
