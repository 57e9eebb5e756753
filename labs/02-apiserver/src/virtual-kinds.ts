/** Kinds that are stored nowhere, and who answers for them. */
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import { answerReview, type ReviewSources } from './auth/reviews.ts'
import type { Call } from './call.ts'
import { unknownResource } from './errors.ts'
import { METRICS_GROUP } from './kinds/metrics.ts'
import { answerLegacy } from './legacy-answers.ts'
import { answerMetrics } from './measured-usage.ts'

const answerersByGroup: Readonly<Record<string, (call: Call, sources: ReviewSources) => Promise<ApiResponse>>> = {
  '': answerLegacy,
  'authentication.k8s.io': answerReview,
  'authorization.k8s.io': answerReview,
  [METRICS_GROUP]: answerMetrics,
}

export function answerVirtual(call: Call, sources: ReviewSources): Promise<ApiResponse> {
  const answerer = answerersByGroup[call.target.row.resource.group]
  if (!answerer) throw unknownResource()
  return answerer(call, sources)
}
