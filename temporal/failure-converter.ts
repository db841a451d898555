import { DefaultFailureConverter, type PayloadConverter, type ProtoFailure } from '@temporalio/common';
import { redact } from '../domain/redact.ts';

/**
 * Takes logins out of every failure before it reaches Temporal, where histories keep it for days. The texts stay
 * readable in Temporal's UI, which `encodeCommonAttributes` would cost.
 */
class RedactingFailureConverter extends DefaultFailureConverter {
  override errorToFailure(error: unknown, payloadConverter: PayloadConverter): ProtoFailure {
    return redactFailure(super.errorToFailure(error, payloadConverter));
  }
}

function redactFailure(failure: ProtoFailure): ProtoFailure {
  return {
    ...failure,
    ...(typeof failure.message === 'string' ? { message: redact(failure.message) } : {}),
    ...(typeof failure.stackTrace === 'string' ? { stackTrace: redact(failure.stackTrace) } : {}),
    ...(failure.cause ? { cause: redactFailure(failure.cause) } : {}),
  };
}

export const failureConverter = new RedactingFailureConverter();
