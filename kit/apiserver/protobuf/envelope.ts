export function decodeProtobuf(_bytes: Uint8Array): unknown {
  throw new Error('protobuf is not understood yet')
}
