// What brain-and-muscle/demo:1 does when it is told nothing else: answers every HTTP request with its host name, which is
// its pod's name, so that one sees which pod answered.
import { createServer } from 'node:http'
import { hostname } from 'node:os'

const port = Number(process.env.PORT ?? 8080)

const server = createServer((request, response) => {
  console.log(`${new Date().toISOString()} ${request.method} ${request.url} from ${request.socket.remoteAddress}`)
  // One request per connection: kept-open connections would hide how a Service spreads its load.
  response.writeHead(200, { 'Content-Type': 'text/plain', Connection: 'close' })
  response.end(`${hostname()}\n`)
})

server.listen(port, () => console.log(`${hostname()} listens on port ${port}`))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    console.log(`${signal}: finishing open requests`)
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}
