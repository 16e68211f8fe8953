import { contextOf, exposeTrace } from './context.mjs';
import { HandlerError } from './errors.mjs';
import { forgetIdle, whenIdle } from './idle.mjs';
import { logError, setRequestID } from './log.mjs';
import { invokeStreaming, isStreaming } from './streaming.mjs';

const isPromise = (value) => typeof value?.then === 'function';

/** Serves one event; resolves when its answer is posted and the next one may be asked for. */
export async function invoke(api, handler, event) {
  setRequestID(event.id);
  exposeTrace(event);
  if (isStreaming(handler)) return invokeStreaming(api, handler, event);
  let body;
  try {
    body = serialize(await settled(handler, event));
  } catch (error) {
    return refuse(api, event, error);
  }
  return api.postResponse(event, body);
}

async function refuse(api, event, error) {
  logError('Invoke Error', error);
  return api.postError(event, error);
}

function serialize(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? '';
  } catch {
    throw new Error('Unable to stringify response body');
  }
}

/** The handler's outcome, by whichever way it says so first: a promise, the callback, or the context's done, succeed and fail. */
function settled(handler, event) {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const once = (action) => (...args) => {
      if (isOver) return;
      isOver = true;
      forgetIdle();
      action(...args);
    };
    // reject(undefined) must stay an error
    const done = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error));
    const fail = (error) => done(error ?? 'handled');
    const context = Object.assign(contextOf(event), { succeed: once((result) => done(null, result)), fail: once(fail), done: once(done) });
    const callback = once((error, result) => {
      const hasFailed = error !== undefined && error !== null;
      if (hasFailed || !context.callbackWaitsForEmptyEventLoop) done(error, result);
      else whenIdle(() => resolve(result));
    });
    whenIdle(once(() => endOfWork(handler, resolve, reject)));
    const returned = handler(JSON.parse(event.body), context, callback);
    if (isPromise(returned)) returned.then(context.succeed, context.fail);
  });
}

/** Nothing is left that could answer. A callback that was never called means null; a promise that nobody will settle is a fault. */
function endOfWork(handler, resolve, reject) {
  if (handler.constructor.name !== 'AsyncFunction') return resolve(null);
  reject(new HandlerError('NodeJsExit', 'The event loop is empty and the promise that the handler returned has not been settled.'));
}
