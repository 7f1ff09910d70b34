// How messages of gRPC stand one behind the other in content: each behind a flag and its length.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

/** A flag that tells of compression, and the length in four bytes. */
export const PREFIX_BYTES = 5;

/** The message behind its prefix. */
export function frameMessage(flag: number, message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = flag;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}
