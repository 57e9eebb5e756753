/** A server that only pretends: whatever HTTP request comes, it says where it came to. */
import { Duplex } from 'node:stream'

/** The server's end is never seen; this is the connection as its client has it. */
export function pretendServer(hostname: string, port: number): Duplex {
  let request = ''
  return new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      if (!request.includes('\r\n\r\n')) {
        request += chunk
        if (request.includes('\r\n\r\n')) {
          this.push(answer(`${hostname}, port ${port}: pretending to run; no container engine is in use\n`))
          this.push(null)
        }
      }
      done()
    },
    final(done) {
      if (!this.readableEnded) this.push(null)
      done()
    },
  })
}

function answer(text: string): string {
  const head = ['HTTP/1.1 200 OK', 'Content-Type: text/plain', `Content-Length: ${Buffer.byteLength(text)}`]
  return `${head.join('\r\n')}\r\nConnection: close\r\n\r\n${text}`
}
