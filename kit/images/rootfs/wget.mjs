#!/usr/bin/node
// The part of wget that people use to ask a Service for something: wget -qO- -T 2 http://10.96.5.1/
import { createWriteStream } from 'node:fs'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quiet: { type: 'boolean', short: 'q' },
    'output-document': { type: 'string', short: 'O' },
    timeout: { type: 'string', short: 'T', default: '60' },
    'server-response': { type: 'boolean', short: 'S' },
    header: { type: 'string', multiple: true, default: [] },
    spider: { type: 'boolean' },
    'no-check-certificate': { type: 'boolean' },
    tries: { type: 'string', short: 't' },
  },
})

const given =
  positionals[0] ?? fail('usage: wget [-q] [-O file] [-T seconds] [-S] [--spider] [--header "name: value"] URL')
const url = new URL(/^https?:/.test(given) ? given : `http://${given}`)
const headers = Object.fromEntries(values.header.map((line) => line.split(/:\s*(.*)/s).slice(0, 2)))
const timeoutMs = Number(values.timeout) * 1000
// Whoever reads what is printed has read enough, as `head` does.
process.stdout.on('error', () => process.exit(1))
const get = url.protocol === 'https:' ? httpsGet : httpGet

const request = get(url, { headers, rejectUnauthorized: !values['no-check-certificate'] }, (response) => {
  const status = `HTTP/${response.httpVersion} ${response.statusCode} ${response.statusMessage}`
  if (values['server-response']) console.error(`  ${status}`)
  if (response.statusCode >= 400) fail(`server returned error: ${status}`)
  const name = values['output-document'] ?? (basename(url.pathname) || 'index.html')
  if (values.spider) response.resume()
  else response.pipe(name === '-' ? process.stdout : createWriteStream(name))
  response.on('end', () => clearTimeout(deadline))
})
request.on('error', (error) => fail(error.message || error.code))
const deadline = setTimeout(() => fail('download timed out'), timeoutMs)

function fail(message) {
  console.error(`wget: ${message}`)
  process.exit(1)
}
