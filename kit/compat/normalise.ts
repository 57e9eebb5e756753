/**
 * Takes out of a text what differs between any two clusters: identities, times, ages, generated names, addresses, ports, the width of columns.
 *
 * What is left is the same for the same history, so that a difference in it means something.
 */

/** The letters of generated names (Kubernetes: apimachinery `pkg/util/rand`): no vowels, so no words. */
const SAFE = '[bcdfghjklmnpqrstvwxz2456789]'

/** In order: later ones see what earlier ones have left. */
const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>'],
  [/(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])/g, '<uid>'],
  [/\bapiserver-[a-z0-9]{26}/g, 'apiserver-<hash>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4})/g, '<time>'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>'],
  [/(resourceVersion"?[:=]\s*"?)[1-9]\d*/g, '$1<version>'],
  [/((?:timeoutSeconds|hash)=)\w+/g, '$1<any>'],
  [/([?&]timeout=)(?:\d+m)?\d+s/g, '$1<any>'],
  [/https:\/\/(?:127\.0\.0\.1|localhost):\d+/g, '<server>'],
  [/\bv1\.32\.\d+([+-][a-z][\w-]*)?/g, 'v1.32'],
  [/(?:\/tmp\/)?\b(LIVE|MERGED)-\d+/g, '$1'],
  [/^@@ .* @@$/gm, '@@'],
  [/-----BEGIN CERTIFICATE-----[\w\s+/=\\]*-----END CERTIFICATE-----/g, '<certificate>'],
  [new RegExp(`-${SAFE}{8,10}-${SAFE}{5}(?![A-Za-z0-9])`, 'g'), '-<hash>-<suffix>'],
  [new RegExp(`-${SAFE}{8,10}(?![\\w-])`, 'g'), '-<hash>'],
  [new RegExp(`-${SAFE}{8,10}-(?!\\w)`, 'g'), '-<hash>-'],
  [new RegExp(`-${SAFE}{5}(?![A-Za-z0-9-])`, 'g'), '-<suffix>'],
  [/(-<suffix>.*)\bhollow-\d\b/g, '$1<node>'],
  [/(pod-template-hash"?[=:]\s*"?)\w+/g, '$1<hash>'],
  [/\b10\.96\.(?!0\.1\b)\d+\.\d+/g, '<cluster ip>'],
  [/(80:|nodePort"?: )3[0-2]\d{3}\b/g, '$1<port>'],
  [/(^|\s|\()(\d+m)?\d+s(?=\s|\)|$)/gm, '$1<age>'],
  [/(^|\s)[1-9]m(?=\s|$)/gm, '$1<age>'],
  [/<invalid>/g, '<age>'],
  [/(\S) {2,}/g, '$1  '],
  [/[ \t]+$/gm, ''],
]

export function normalise(text: string): string {
  return REPLACEMENTS.reduce((current, [pattern, by]) => current.replace(pattern, by), text)
}
