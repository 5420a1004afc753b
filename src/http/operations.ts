/** All operations of the HTTP API, in the order of its document. */

import type { BodyParts } from './body.ts'
import { type FileParts, jobFile } from './job-file.ts'
import { cancelJob, readJob } from './jobs.ts'
import { type LimitParts, readLimits } from './limits.ts'
import { type MediaParts, mediaOperations } from './media.ts'
import type { Operation } from './operation.ts'
import { postJobs } from './post-jobs.ts'

export interface OperationParts extends BodyParts, FileParts, LimitParts, MediaParts {}

export const operationsOf = (parts: OperationParts): Operation[] => [
  ...postJobs(parts),
  readJob(parts),
  cancelJob(parts),
  ...jobFile(parts),
  readLimits(parts),
  ...mediaOperations(parts),
]
