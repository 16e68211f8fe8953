import { types } from 'node:util';

/** A fault that the runtime names itself: `Runtime.ImportModuleError` and its kind. */
export class HandlerError extends Error {
  constructor(kind, reason) {
    super(reason);
    this.name = `Runtime.${kind}`;
    if (kind === 'UnhandledPromiseRejection') this.reason = reason;
    // Where in the function's code, not where in ours.
    if (kind === 'UserCodeSyntaxError') this.stack = reason.stack;
  }
}

const looksLikeError = (value) =>
  [value?.name, value?.message, value?.stack].every((part) => typeof part === 'string' && part !== '');

/** What the caller of the function gets: `errorType`, `errorMessage`, `trace`. Anything may have been thrown, and even looking at it may throw. */
export function errorPayload(error) {
  try {
    if (types.isNativeError(error) || looksLikeError(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: error.stack.split('\n') };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch {
    return {
      errorType: 'handled',
      errorMessage: 'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

/** What is logged of an error: its payload's members and its own enumerable ones, causes included. */
export function errorText(error) {
  const asError = error instanceof Error ? error : new Error(error);
  try {
    return JSON.stringify(asError, (_, value) =>
      value instanceof Error
        ? { errorType: value.name, errorMessage: value.message, code: value.code, ...value, stack: value.stack?.split('\n') }
        : value);
  } catch {
    return JSON.stringify(errorPayload(asError)); // a member that JSON cannot say
  }
}
