/** What protobuf and plain data make of each other at their edges. */
import { expect, it } from 'vitest'
import { messageCodec, parseProto } from './codec.ts'

const root = parseProto(`
syntax = "proto3";
message Ids {
  int64 lease = 1 [jstype = JS_STRING];
  uint64 member = 2 [jstype = JS_STRING];
  repeated uint64 members = 3 [jstype = JS_STRING];
}
`)
const ids = messageCodec<{ lease: string; member: string; members: string[] }>(root, 'Ids', 'buffer')

it.each([
  ['0', '0'],
  ['1', '4294967295'],
  ['-1', '4294967296'],
  ['9223372036854775807', '18446744073709551615'],
  ['-9223372036854775808', '9223372036854775808'],
])('carries 64-bit numbers as text from one end of their range to the other (%s, %s)', (lease, member) => {
  const message = { lease, member, members: [member, '7'] }
  expect(ids.decode(ids.encode(message))).toEqual(message)
})

it('sends no number that is 0, as protobuf asks, except within a list', () => {
  expect(ids.encode({ lease: '0', member: '0' })).toHaveLength(0)
  expect(ids.encode({ members: ['0'] })).toHaveLength(3)
})
