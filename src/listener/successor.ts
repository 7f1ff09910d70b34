// How one kind of client connection becomes another one on the same stream.
import type { StreamReceiver } from '#model/byte-stream.ts';
import type { TcpStream } from '#net/tcp-stream.ts';

/** What takes a stream over; `open` makes it the receiver of the stream and returns that. */
export type Successor = (open: (receiver: StreamReceiver) => TcpStream) => void;
