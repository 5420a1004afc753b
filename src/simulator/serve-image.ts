/** Hands out permanent images by the URL that `media/uploadimg` answered: they never expire, and need no token. */

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type MediaStore, readMedium } from './media-store.ts'

export async function serveImage(
  media: MediaStore,
  response: ServerResponse,
  pathname: string,
): Promise<void> {
  const image = media.findImage(pathname)
  if (!image) {
    response.writeHead(404, { 'Content-Type': 'text/plain' })
    response.end('no such image\n')
    return
  }
  const { contentType, sizeBytes } = image
  response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': sizeBytes })
  try {
    await pipeline(Readable.from(readMedium(image, 0, sizeBytes)), response)
  } catch {
    // The reader has gone, or the simulator stops: either way nobody is left to tell.
    response.destroy()
  }
}
