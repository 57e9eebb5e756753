/**
 * What compressors of SPDY/3 header blocks know before the first byte: words that HTTP headers are made of. A table of the
 * specification; both ends must have it, byte for byte.
 *
 * Source: SPDY protocol, draft 3, §2.6.10.1 "Compression".
 */

/** Each with its length before it, as 32 bits. */
const NAMES =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status|200 OK|version HTTP/1.1 url public set-cookie keep-alive origin'

/** Run together, without lengths. */
const TEXT = [
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505',
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden',
  '404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable',
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT',
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,',
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.',
].join('')

export const headerDictionary: Buffer = Buffer.concat([...names().map(withLength), Buffer.from(TEXT)])

/** "200 OK" is the only name with a space in it. */
function names(): string[] {
  const [before = '', spaced = '', after = ''] = NAMES.split('|')
  return [...before.split(' '), spaced, ...after.split(' ')]
}

function withLength(name: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(name.length)
  return Buffer.concat([length, Buffer.from(name)])
}
