/** The methods the simulator knows, by their path behind /cgi-bin/. A new method is a file here and a row. */

import type { Call } from '../call.ts'
import type { Reply } from '../replies.ts'
import { getCorpToken } from './get-corp-token.ts'
import { getProviderToken } from './get-provider-token.ts'
import { getSuiteToken } from './get-suite-token.ts'
import { getUploadByUrlResult } from './get-upload-by-url-result.ts'
import { gettoken } from './gettoken.ts'
import { mediaGet } from './media-get.ts'
import { mediaGetJssdk } from './media-get-jssdk.ts'
import { mediaUpload } from './media-upload.ts'
import { mediaUploadAttachment } from './media-upload-attachment.ts'
import { mediaUploadimg } from './media-uploadimg.ts'
import { serviceMediaUpload } from './service-media-upload.ts'
import { uploadByUrl } from './upload-by-url.ts'

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
  'media/get/jssdk': { verb: 'GET', answer: mediaGetJssdk },
  'media/upload_attachment': { verb: 'POST', answer: mediaUploadAttachment },
  'media/upload_by_url': { verb: 'POST', answer: uploadByUrl },
  'media/get_upload_by_url_result': { verb: 'POST', answer: getUploadByUrlResult },
  'service/get_suite_token': { verb: 'POST', answer: getSuiteToken },
  'service/get_corp_token': { verb: 'POST', answer: getCorpToken },
  'service/get_provider_token': { verb: 'POST', answer: getProviderToken },
  'service/media/upload': { verb: 'POST', answer: serviceMediaUpload },
}
