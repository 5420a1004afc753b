/** The methods the simulator knows, by their path behind /cgi-bin/. A new method is a file here and a row. */

import type { Call } from '../call.ts'
import type { Reply } from '../replies.ts'
import { gettoken } from './gettoken.ts'
import { mediaGet } from './media-get.ts'
import { mediaUpload } from './media-upload.ts'
import { mediaUploadimg } from './media-uploadimg.ts'

export interface Route {
  readonly verb: 'GET' | 'POST'
  /** Decides the answer; throws a `Refusal` for an errcode. What it leaves of the body is read afterwards. */
  readonly answer: (call: Call) => Promise<Reply> | Reply
}

export const routes: Readonly<Record<string, Route>> = {
  gettoken: { verb: 'GET', answer: gettoken },
  'media/upload': { verb: 'POST', answer: mediaUpload },
  'media/uploadimg': { verb: 'POST', answer: mediaUploadimg },
  'media/get': { verb: 'GET', answer: mediaGet },
}
