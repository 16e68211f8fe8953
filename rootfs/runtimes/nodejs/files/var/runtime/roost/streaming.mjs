// Response streaming: `awslambda.streamifyResponse` marks a handler, which then writes its answer to a stream while it works.
import { Writable } from 'node:stream';
import { contextOf } from './context.mjs';
import { HandlerError } from './errors.mjs';
import { forgetIdle, whenIdle } from './idle.mjs';
import { logError } from './log.mjs';

// AWS's names: libraries look for them.
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response';

/** Makes `awslambda` known to the function, before its module is loaded. */
export function installGlobal() {
  if (['1', 'true'].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
  return handler;
}

/** An HTTP status and headers before the body: JSON, eight zero bytes, then what is written. */
class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(PRELUDE_TYPE);
    stream.setPrelude(Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)]));
    return stream;
  }
}

export function isStreaming(handler) {
  const mark = handler[STREAMING];
  if (mark === undefined || mark === null || mark === false) return false;
  if (mark !== 'response') throw new HandlerError('MalformedStreamingHandler', 'Only response streaming is supported.');
  return true;
}

/** The request opens with the first byte: before it, the content type can be set, and a fault is an ordinary error. */
class ResponseStream extends Writable {
  #open;
  #response;
  #contentType = 'application/octet-stream';
  #prelude;
  #failure;

  constructor(open, highWaterMark) {
    super({ highWaterMark });
    this.#open = open;
  }

  get response() {
    return this.#response;
  }

  setContentType(type) {
    if (this.#response) throw new HandlerError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.#contentType = type;
  }

  setPrelude(bytes) {
    this.#prelude = bytes;
  }

  /** Values that are neither text nor bytes go out as JSON. */
  write(chunk, ...rest) {
    const isRaw = typeof chunk === 'string' || chunk instanceof Uint8Array;
    return super.write(isRaw ? chunk : JSON.stringify(chunk), ...rest);
  }

  #begin() {
    if (this.#response) return;
    this.#response = this.#open(this.#contentType);
    this.#response.sent.on('error', (error) => this.destroy(error));
    if (this.#prelude) this.#response.sent.write(this.#prelude);
  }

  _write(chunk, encoding, done) {
    this.#begin();
    this.#response.sent.write(chunk, encoding, done);
  }

  _final(done) {
    this.#begin();
    this.#finish();
    this.#response.done.then(() => done(), done);
  }

  #finish() {
    this.#hold('ref');
    if (this.#failure) this.#response.fail(this.#failure.error);
    else this.#response.sent.end();
  }

  /** From now on only the handler's own work keeps the event loop busy, and not the open request: its end shows that nobody will end the stream. */
  letGo() {
    if (this.#response && !this.writableEnded) this.#hold('unref');
  }

  #hold(verb) {
    const { sent } = this.#response;
    if (sent.socket) sent.socket[verb]();
    else sent.once('socket', (socket) => socket[verb]());
  }

  /** Ends the response with an error, after what has been written. */
  fail(error) {
    this.#failure = { error };
    if (this.destroyed) this.#finish();
    else this.end();
    return this.#response.done;
  }
}

/** Serves one event with a streaming handler. */
export async function invokeStreaming(api, handler, event) {
  const stream = new ResponseStream((type) => api.openResponse(event, type), handler[HIGH_WATER_MARK]);
  const context = contextOf(event);
  stream.on('error', () => {}); // `finished` below tells it
  try {
    await handled(handler, stream, event, context);
    await finished(stream);
  } catch (error) {
    return fail(api, event, stream, error);
  }
  if (context.callbackWaitsForEmptyEventLoop) await idle();
}

async function handled(handler, stream, event, context) {
  const returned = handler(JSON.parse(event.body), stream, context);
  if (typeof returned?.then !== 'function') throw 'Streaming does not support non-async handlers.';
  const result = await Promise.race([returned, unfinishedWhenIdle(stream)]);
  forgetIdle();
  if (result !== undefined && result !== stream) console.warn('Streaming handlers ignore return values.');
}

/** A handler may leave its stream to a pipe that still runs; a stream that nobody ends is a fault. */
function finished(stream) {
  if (stream.writableFinished) return undefined;
  if (stream.errored) throw stream.errored;
  stream.letGo();
  const end = new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject));
  return Promise.race([end, unfinishedWhenIdle(stream)]).finally(forgetIdle);
}

const idle = () => new Promise((resolve) => whenIdle(resolve));

async function unfinishedWhenIdle(stream) {
  await idle();
  if (!stream.writableFinished) throw 'Response stream is not finished.';
}

async function fail(api, event, stream, error) {
  logError('Invoke Error', error);
  // Before the first byte it is an error like any other.
  if (!stream.response) return api.postError(event, error);
  return stream.fail(error);
}
