/** Requests for certificates in one line. Source: kubernetes `pkg/printers/internalversion/printers.go`, `printCertificateSigningRequest`. */
import type { CertificateSigningRequest } from '../../api/objects.ts'
import { age, humanDuration } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer } from './columns.ts'

export const signingRequestPrinter: Printer<CertificateSigningRequest> = {
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', 'Who is to sign it.'),
    column('Requestor', 'Who asks for it.'),
    column('RequestedDuration', 'For how long it should be good.'),
    column('Condition', 'Whether it is approved, denied or issued.'),
  ],
  cells: (request, nowMs) => [
    request.metadata?.name ?? '',
    age(request.metadata?.creationTimestamp, nowMs),
    request.spec?.signerName || NONE,
    request.spec?.username ?? '',
    request.spec?.expirationSeconds === undefined ? NONE : humanDuration(request.spec.expirationSeconds * 1000),
    signingStatus(request),
  ],
}

function signingStatus({ status }: CertificateSigningRequest): string {
  const has = (wanted: string) => status?.conditions?.some(({ type }) => type === wanted) ?? false
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',')
}
