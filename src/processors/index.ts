/** TABLE of processors: job name -> processor. A job without one does not compile. */

import type { JobName } from '../queues/jobs.ts'
import { article } from './article.ts'
import { asyncUpload } from './async-upload.ts'
import type { Processor } from './context.ts'
import { download } from './download.ts'
import { notify } from './notify.ts'
import { permanentImage } from './permanent-image.ts'
import { upload } from './upload.ts'

export type Processors = { readonly [N in JobName]: Processor<N> }

export const processors: Processors = {
  'media.upload': upload,
  'media.download': download,
  'media.upload-image': permanentImage,
  'media.article': article,
  'media.async-upload': asyncUpload,
  'media.notify': notify,
}
