/** Certificates to be signed. Source: kubernetes `pkg/registry/certificates/certificates/strategy.go`. */
import { resources } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { userFields } from '../../auth/user-fields.ts'
import { own, rowWithStatus, textOf } from '../row-parts.ts'

const { certificateSigningRequests } = resources

export const certificateRows: readonly KindRow[] = [
  rowWithStatus(
    certificateSigningRequests,
    {},
    {
      subresources: [own(certificateSigningRequests, 'approval'), own(certificateSigningRequests, 'status')],
      nameFormat: 'path-segment',
      // Who asks is what the signer goes by: the server says it, not the one who asks.
      prepareForCreate(draft, by) {
        const {
          username: _username,
          uid: _uid,
          groups: _groups,
          extra: _extra,
          ...asked
        } = (draft.spec ?? {}) as Record<string, unknown>
        draft.spec = { ...asked, ...(by && userFields(by)) }
        draft.status = {}
      },
      // What was asked for is what gets signed.
      prepareForUpdate(draft, old) {
        draft.spec = old.spec
        draft.status = old.status
      },
      selectableFields: (object) => ({ 'spec.signerName': textOf(object, 'spec', 'signerName') }),
    },
  ),
]
