// What the status of a gRPC call says of the endpoint that gave it, as far as the head of its response tells.
import type { Response } from '#model/message.ts';
import { GRPC_STATUS, grpcStatusOfHttp, parseGrpcStatus } from '#wire/grpc/status.ts';

/** `undefined` when it is to come in trailers. */
export function statusInHead({ fields, status }: Response): number | undefined {
  const told = fields.get('grpc-status');
  if (told !== undefined) return parseGrpcStatus(told);
  return status === 200 ? undefined : grpcStatusOfHttp(status);
}

/**
 * The HTTP status that says the same of an endpoint. A deadline that has passed says nothing: clients set it as short as they
 * like.
 */
export function equivalentStatus(grpcStatus: number): number {
  switch (grpcStatus) {
    case GRPC_STATUS.unavailable:
      return 503;
    case GRPC_STATUS.unknown:
    case GRPC_STATUS.internal:
    case GRPC_STATUS.dataLoss:
      return 500;
    default:
      return 200;
  }
}
